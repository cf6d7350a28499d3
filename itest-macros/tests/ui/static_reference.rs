use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test]
fn a_database_outlives_everything(_database: &'static Database) {}

fn main() {}
