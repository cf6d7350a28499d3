use itest::prelude::*;

#[integration_test(timeout = 10)]
async fn it_works() {}

fn main() {}
