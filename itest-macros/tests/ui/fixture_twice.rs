use itest::prelude::*;

struct Database;

#[fixture]
#[fixture(scope = "worker")]
fn database() -> Database {
    Database
}

fn main() {}
