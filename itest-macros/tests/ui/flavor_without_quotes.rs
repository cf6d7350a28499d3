use itest::prelude::*;

#[integration_test(flavor = current_thread)]
async fn it_works() {}

fn main() {}
