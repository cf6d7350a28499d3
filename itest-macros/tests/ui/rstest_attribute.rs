use itest::prelude::*;

#[integration_test]
#[rstest::rstest]
#[case(1)]
fn squares_are_positive(#[case] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
