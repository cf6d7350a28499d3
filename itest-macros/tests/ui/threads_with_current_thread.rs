use itest::prelude::*;

#[integration_test(flavor = "current_thread", threads = 4)]
async fn it_works() {}

fn main() {}
