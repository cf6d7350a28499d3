use itest::prelude::*;

#[integration_test(timeout = "10s", serial, timeout = "20s")]
async fn it_works() {}

fn main() {}
