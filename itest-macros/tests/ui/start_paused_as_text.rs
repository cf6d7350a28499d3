use itest::prelude::*;

#[integration_test(flavor = "current_thread", start_paused = "yes")]
async fn it_works() {}

fn main() {}
