use itest::prelude::*;

#[integration_test(threads)]
async fn it_works() {}

fn main() {}
