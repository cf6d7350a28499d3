use itest::prelude::*;

#[integration_test]
fn names_are_not_empty(name: &str) {
    assert!(!name.is_empty());
}

fn main() {}
