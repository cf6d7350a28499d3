use itest::prelude::*;

#[integration_test]
#[case(1)]
#[case(2)]
fn squares_are_positive(number: u32) {
    assert!(number * number > 0);
}

fn main() {}
