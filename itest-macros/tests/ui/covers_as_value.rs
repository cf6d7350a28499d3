use itest::prelude::*;

#[integration_test(covers = "POST /orders")]
async fn it_works() {}

fn main() {}
