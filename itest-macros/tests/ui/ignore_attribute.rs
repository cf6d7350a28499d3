use itest::prelude::*;

#[integration_test]
#[ignore = "not yet"]
async fn it_works() {}

fn main() {}
