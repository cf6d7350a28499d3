use itest::prelude::*;

#[integration_test(serial = "")]
async fn it_works() {}

fn main() {}
