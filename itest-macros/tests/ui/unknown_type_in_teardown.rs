use itest::prelude::*;

#[teardown]
fn remove(_names: Vec<Name>) {}

fn main() {}
