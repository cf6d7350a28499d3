use itest::prelude::*;

#[integration_test(timeout = "10s" retries = 2)]
async fn it_works() {}

fn main() {}
