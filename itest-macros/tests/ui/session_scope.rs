use itest::prelude::*;

struct Database;

#[fixture(scope = "session")]
fn database() -> Database {
    Database
}

#[integration_test]
fn a_database_can_be_borrowed(_database: &Database) {}

fn main() {}
