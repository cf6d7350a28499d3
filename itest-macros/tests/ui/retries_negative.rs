use itest::prelude::*;

#[integration_test(retries = -1)]
async fn it_works() {}

fn main() {}
