use itest::prelude::*;

#[integration_test]
#[case(1)]
#[case("two")]
fn squares_are_positive(#[case] number: u32) {
    assert!(number * number > 0);
}

fn main() {}
