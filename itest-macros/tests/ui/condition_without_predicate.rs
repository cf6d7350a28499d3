use itest::prelude::*;

#[integration_test]
fn it_works(#[cfg] _info: &TestInfo) {}

fn main() {}
