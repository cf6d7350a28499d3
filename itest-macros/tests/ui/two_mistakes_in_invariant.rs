use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
unsafe fn books_balance(ledger: Ledger) {
    drop(ledger);
}

fn main() {}
