use itest::prelude::*;

#[integration_test(covers(""))]
async fn it_works() {}

fn main() {}
