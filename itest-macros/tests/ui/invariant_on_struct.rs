use itest::prelude::*;

struct Ledger;

#[fixture]
fn ledger() -> Ledger {
    Ledger
}

#[invariant]
struct Books;

fn main() {}
