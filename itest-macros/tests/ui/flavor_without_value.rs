use itest::prelude::*;

#[integration_test(flavor)]
async fn it_works() {}

fn main() {}
