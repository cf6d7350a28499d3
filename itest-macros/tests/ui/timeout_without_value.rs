use itest::prelude::*;

#[integration_test(timeout)]
async fn it_works() {}

fn main() {}
