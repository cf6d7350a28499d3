use itest::prelude::*;

struct Database;

#[fixture(scope = worker)]
fn database() -> Database {
    Database
}

fn main() {}
