use itest::prelude::*;

fn rows() -> Result<Vec<(String, u64)>> {
    Ok(vec![("one".to_owned(), 1)])
}

#[integration_test]
fn number_is_positive(#[cases(rows)] number: u32) {
    assert!(number > 0);
}

fn main() {}
