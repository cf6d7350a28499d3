use itest::prelude::*;

#[integration_test(timeout = std::time::Duration::from_secs(10))]
async fn it_works() {}

fn main() {}
