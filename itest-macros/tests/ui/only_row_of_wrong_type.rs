use itest::prelude::*;

#[integration_test]
#[case("one")]
fn squares_are_positive(#[case] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
