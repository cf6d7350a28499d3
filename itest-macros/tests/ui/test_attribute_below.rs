use itest::prelude::*;

#[integration_test]
#[test]
fn it_works() {}

fn main() {}
