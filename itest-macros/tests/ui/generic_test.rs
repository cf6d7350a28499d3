use itest::prelude::*;

#[integration_test]
fn a_store_can_be_made<S: Default>() {
    S::default();
}

fn main() {}
