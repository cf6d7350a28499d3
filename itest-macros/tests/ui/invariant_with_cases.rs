use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
#[case(1)]
fn books_balance(_ledger: &Ledger, #[case] _account: u32, #[values(1, 2)] _year: u32) {}

fn main() {}
