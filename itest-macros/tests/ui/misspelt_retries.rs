use itest::prelude::*;

#[integration_test(retry = 2)]
async fn it_works() {}

fn main() {}
