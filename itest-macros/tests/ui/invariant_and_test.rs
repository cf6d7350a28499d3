use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
#[integration_test]
fn books_balance(_ledger: &Ledger) {}

#[integration_test]
#[invariant]
fn money_is_conserved(_ledger: &Ledger) {}

fn main() {}
