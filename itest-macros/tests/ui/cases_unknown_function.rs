use itest::prelude::*;

#[integration_test]
fn number_is_positive(#[cases(rows)] number: u32) {
    assert!(number > 0);
}

fn main() {}
