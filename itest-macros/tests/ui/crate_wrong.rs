//! `crate` is a path, and stands once.

use itest::prelude::*;

struct Shop;

#[fixture(crate = "itest")]
fn shop() -> Shop {
    Shop
}

#[integration_test(crate = ::itest, crate = itest, timeout = "1s")]
fn sells(_shop: &Shop) {}

fn main() {}
