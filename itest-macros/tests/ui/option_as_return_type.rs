use itest::prelude::*;

#[integration_test]
fn it_is_found() -> Option<()> {
    Some(())
}

fn main() {}
