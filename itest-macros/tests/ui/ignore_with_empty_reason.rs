use itest::prelude::*;

#[integration_test(ignore = "")]
async fn it_works() {}

fn main() {}
