use itest::prelude::*;

#[integration_test(threads = 0)]
async fn it_works() {}

fn main() {}
