use itest::prelude::*;

struct Database;

#[fixture(worker)]
fn database() -> Database {
    Database
}

fn main() {}
