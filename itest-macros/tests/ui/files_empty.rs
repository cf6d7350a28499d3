use std::path::PathBuf;

use itest::prelude::*;

#[integration_test]
fn order_is_read(#[files()] path: PathBuf) {
    assert!(path.exists());
}

fn main() {}
