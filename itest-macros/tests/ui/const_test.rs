use itest::prelude::*;

#[integration_test]
const fn it_is_constant() {}

fn main() {}
