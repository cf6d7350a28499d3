use itest::prelude::*;

#[integration_test(flavor = "current_thread", start_paused = true)]
async fn it_works() {}

fn main() {}
