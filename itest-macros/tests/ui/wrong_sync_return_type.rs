use itest::prelude::*;

#[integration_test]
fn it_is_true() -> bool {
    true
}

fn main() {}
