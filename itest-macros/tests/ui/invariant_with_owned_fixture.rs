use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
fn books_balance(ledger: Ledger) {
    drop(ledger);
}

fn main() {}
