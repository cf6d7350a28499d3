use itest::prelude::*;

#[integration_test("10s")]
async fn it_works() {}

fn main() {}
