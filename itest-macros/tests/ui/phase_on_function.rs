use itest::prelude::*;

#[integration_test]
#[act]
async fn it_works() {}

fn main() {}
