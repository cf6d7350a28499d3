use itest::prelude::*;

#[teardown(retries = 2)]
async fn empty(bucket: &str) {
    drop(bucket.to_owned());
}

fn main() {}
