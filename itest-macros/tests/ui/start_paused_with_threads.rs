use itest::prelude::*;

#[integration_test(threads = 2, start_paused = true)]
async fn it_works() {}

fn main() {}
