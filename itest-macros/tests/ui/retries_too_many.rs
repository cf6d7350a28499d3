use itest::prelude::*;

#[integration_test(retries = 5000000000)]
async fn it_works() {}

fn main() {}
