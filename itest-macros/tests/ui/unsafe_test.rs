use itest::prelude::*;

#[integration_test]
unsafe fn it_is_dangerous() {}

fn main() {}
