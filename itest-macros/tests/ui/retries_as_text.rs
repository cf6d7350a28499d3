use itest::prelude::*;

#[integration_test(retries = "2")]
async fn it_works() {}

fn main() {}
