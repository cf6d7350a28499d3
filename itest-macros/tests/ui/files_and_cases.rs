use std::path::PathBuf;

use itest::prelude::*;

fn rows() -> Vec<(String, u32)> {
    vec![("one".to_owned(), 1)]
}

#[integration_test]
fn order_is_read(#[files("orders/*.json")] path: PathBuf, #[cases(rows)] number: u32) {
    assert!(path.exists() && number > 0);
}

fn main() {}
