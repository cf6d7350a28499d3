use itest::prelude::*;

#[integration_test]
fn squares_are_positive(#[case(1, 2)] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
