use itest::prelude::*;

#[integration_test(timeout = "ten seconds")]
async fn it_works() {}

fn main() {}
