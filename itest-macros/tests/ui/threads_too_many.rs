use itest::prelude::*;

#[integration_test(threads = 1025)]
async fn it_works() {}

fn main() {}
