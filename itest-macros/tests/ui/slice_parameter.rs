use itest::prelude::*;

#[integration_test]
fn lists_are_not_empty(list: &[String]) {
    assert!(!list.is_empty());
}

fn main() {}
