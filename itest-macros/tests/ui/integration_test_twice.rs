use itest::prelude::*;

#[integration_test]
#[integration_test(serial)]
async fn it_works() {}

fn main() {}
