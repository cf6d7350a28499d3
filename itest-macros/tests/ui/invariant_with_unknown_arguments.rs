use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant(timout = "1s", scope = "worker", timeout = 3)]
fn books_balance(_ledger: &Ledger) {}

fn main() {}
