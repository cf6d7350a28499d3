use itest::prelude::*;

#[integration_test(flavor = "current_threads")]
async fn it_works() {}

fn main() {}
