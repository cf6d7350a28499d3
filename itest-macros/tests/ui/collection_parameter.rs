use itest::prelude::*;

#[integration_test]
fn lists_are_not_empty(list: Vec<u32>) {
    assert!(!list.is_empty());
}

fn main() {}
