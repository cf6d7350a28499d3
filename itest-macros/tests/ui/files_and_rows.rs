use std::path::PathBuf;

use itest::prelude::*;

#[integration_test]
#[case(1)]
fn order_is_read(#[files("orders/*.json")] path: PathBuf, #[case] number: u32) {
    assert!(path.exists() && number > 0);
}

fn main() {}
