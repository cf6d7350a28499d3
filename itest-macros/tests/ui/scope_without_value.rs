use itest::prelude::*;

struct Database;

#[fixture(scope)]
fn database() -> Database {
    Database
}

fn main() {}
