use itest::prelude::*;

#[integration_test]
#[case(1, 1)]
#[case(2)]
fn squares(#[case] number: u32, #[case] square: u32) {
    assert_eq!(number * number, square);
}

fn main() {}
