use itest::prelude::*;

struct Bucket {
    name: String,
}

#[teardown]
async fn empty(bucket: Bucket) {
    drop(bucket.name);
}

fn main() {}
