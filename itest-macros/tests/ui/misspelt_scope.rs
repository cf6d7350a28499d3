use itest::prelude::*;

struct Database;

#[fixture(scop = "worker")]
fn database() -> Database {
    Database
}

fn main() {}
