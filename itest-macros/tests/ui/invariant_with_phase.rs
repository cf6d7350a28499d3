use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
fn books_balance(_ledger: &Ledger) {
    #[assert]
    assert_eq!(1, 1);
}

fn main() {}
