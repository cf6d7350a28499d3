use itest::prelude::*;

#[integration_test]
fn order_is_read(#[files("orders/*.json")] order: Vec<u8>) {
    assert!(!order.is_empty());
}

fn main() {}
