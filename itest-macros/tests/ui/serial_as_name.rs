use itest::prelude::*;

#[integration_test(serial = database)]
async fn it_works() {}

fn main() {}
