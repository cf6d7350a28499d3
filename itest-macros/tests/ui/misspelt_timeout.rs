use itest::prelude::*;

#[integration_test(timout = "10s")]
async fn it_works() {}

fn main() {}
