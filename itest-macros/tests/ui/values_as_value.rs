use itest::prelude::*;

#[integration_test]
fn squares_are_positive(#[values = 1] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
