use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

impl Ledger {
    #[invariant]
    fn books_balance(_ledger: &Ledger) {}
}

fn main() {}
