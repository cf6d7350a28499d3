use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

struct Stock;

#[invariant]
fn stock_covers_orders(_stock: &Stock) {}

fn main() {}
