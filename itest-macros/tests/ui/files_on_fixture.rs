use std::path::PathBuf;

use itest::prelude::*;

struct Order;

#[fixture]
fn order(#[files("orders/*.json")] path: PathBuf) -> Order {
    assert!(path.exists());
    Order
}

fn main() {}
