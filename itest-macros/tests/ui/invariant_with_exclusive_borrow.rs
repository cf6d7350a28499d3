use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
fn books_balance(_ledger: &mut Ledger) {}

fn main() {}
