use itest::prelude::*;

#[integration_test(start_paused = true)]
fn it_works() {}

fn main() {}
