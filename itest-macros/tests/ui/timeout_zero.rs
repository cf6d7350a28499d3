use itest::prelude::*;

#[integration_test(timeout = "0s")]
async fn it_works() {}

fn main() {}
