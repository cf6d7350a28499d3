use itest::prelude::*;

#[integration_test(tags())]
async fn it_works() {}

fn main() {}
