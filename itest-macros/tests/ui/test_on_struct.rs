use itest::prelude::*;

#[integration_test]
struct Suite;

fn main() {}
