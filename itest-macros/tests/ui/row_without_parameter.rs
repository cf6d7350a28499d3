use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test]
#[case(1)]
fn a_database_can_be_borrowed(_database: &Database) {}

fn main() {}
