use itest::prelude::*;

#[integration_test]
fn pairs_are_ordered(pair: (u32, u32)) {
    assert!(pair.0 <= pair.1);
}

fn main() {}
