use itest::prelude::*;

#[integration_test]
#[case::small(1)]
#[case::small(2)]
fn squares_are_positive(#[case] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
