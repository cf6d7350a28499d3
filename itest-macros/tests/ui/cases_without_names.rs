use itest::prelude::*;

fn rows() -> Vec<u32> {
    vec![1, 2]
}

#[integration_test]
fn number_is_positive(#[cases(rows)] number: u32) {
    assert!(number > 0);
}

fn main() {}
