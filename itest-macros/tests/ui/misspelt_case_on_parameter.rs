use itest::prelude::*;

#[integration_test]
#[case(1)]
fn squares_are_positive(#[caze] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
