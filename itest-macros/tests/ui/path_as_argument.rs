use itest::prelude::*;

#[integration_test(itest::serial)]
async fn it_works() {}

fn main() {}
