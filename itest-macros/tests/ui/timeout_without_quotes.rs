use itest::prelude::*;

#[integration_test(timeout = 10s)]
async fn it_works() {}

fn main() {}
