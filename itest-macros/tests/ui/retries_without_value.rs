use itest::prelude::*;

#[integration_test(retries)]
async fn it_works() {}

fn main() {}
