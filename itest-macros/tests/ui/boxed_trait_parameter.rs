use itest::prelude::*;

trait Store {}

#[integration_test]
fn a_store_is_a_store(_store: Box<dyn Store>) {}

fn main() {}
