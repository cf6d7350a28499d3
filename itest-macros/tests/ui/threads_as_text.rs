use itest::prelude::*;

#[integration_test(threads = "4")]
async fn it_works() {}

fn main() {}
