use itest::prelude::*;

struct Database;

#[fixture]
fn database(_cluster: &C) -> Database {
    Database
}

fn main() {}
