use itest::prelude::*;

struct Database;

#[fixture(scope = "test", scope = "worker")]
fn database() -> Database {
    Database
}

fn main() {}
