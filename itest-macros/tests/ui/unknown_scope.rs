use itest::prelude::*;

struct Database;

#[fixture(scope = "module")]
fn database() -> Database {
    Database
}

fn main() {}
