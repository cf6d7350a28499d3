use itest::prelude::*;

#[integration_test]
mod orders {}

fn main() {}
