use itest::prelude::*;

#[integration_test]
fn callbacks_are_called(callback: fn() -> u32) {
    callback();
}

fn main() {}
