use itest::prelude::*;

struct Database;

#[fixture]
#[test]
fn database() -> Database {
    Database
}

fn main() {}
