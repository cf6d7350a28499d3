use itest::prelude::*;

#[integration_test(threads = 4)]
fn it_works() {}

fn main() {}
