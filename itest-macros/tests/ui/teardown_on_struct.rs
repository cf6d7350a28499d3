use itest::prelude::*;

#[teardown]
struct Bucket;

impl Bucket {
    fn empty(&self) {}
}

#[integration_test]
fn a_bucket_is_empty() {
    Bucket.empty();
}

fn main() {}
