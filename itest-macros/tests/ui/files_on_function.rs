use std::path::PathBuf;

use itest::prelude::*;

#[integration_test]
#[files("orders/*.json")]
fn orders_are_read() {
    assert!(PathBuf::new().as_os_str().is_empty());
}

fn main() {}
