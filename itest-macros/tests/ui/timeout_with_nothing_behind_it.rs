use itest::prelude::*;

#[integration_test(timeout =, serial)]
async fn it_works() {}

fn main() {}
