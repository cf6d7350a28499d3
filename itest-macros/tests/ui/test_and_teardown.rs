use itest::prelude::*;

#[integration_test]
#[teardown]
async fn empty(bucket: String) {
    drop(bucket);
}

fn main() {}
