use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
fn books_balance(_ledger: &Ledger) -> bool {
    true
}

fn main() {}
