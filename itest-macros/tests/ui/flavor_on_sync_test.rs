use itest::prelude::*;

#[integration_test(flavor = "multi_thread")]
fn it_works() {}

fn main() {}
