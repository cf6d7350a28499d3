use itest::prelude::*;

#[integration_test(priority = 3)]
async fn it_works() {}

fn main() {}
