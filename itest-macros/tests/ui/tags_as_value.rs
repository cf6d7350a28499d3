use itest::prelude::*;

#[integration_test(tags = "slow")]
async fn it_works() {}

fn main() {}
