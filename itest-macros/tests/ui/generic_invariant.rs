use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
fn books_balance<Db: Send>(_ledger: &Ledger) {}

fn main() {}
