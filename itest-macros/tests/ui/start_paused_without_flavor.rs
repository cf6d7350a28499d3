use itest::prelude::*;

#[integration_test(start_paused = true)]
async fn it_works() {}

fn main() {}
