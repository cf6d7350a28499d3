use itest::prelude::*;

struct Database;

#[fixture(timeout = "10s")]
fn database() -> Database {
    Database
}

fn main() {}
