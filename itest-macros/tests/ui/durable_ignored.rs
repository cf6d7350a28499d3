#![deny(unused_must_use)]

use itest::prelude::*;

#[teardown]
async fn empty(bucket: String) {
    drop(bucket);
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) {
    teardown.durable(empty, "orders".to_owned());
}

fn main() {}
