use itest::prelude::*;

#[integration_test]
fn number_is_positive(#[cases(1, 2)] number: u32) {
    assert!(number > 0);
}

fn main() {}
