use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test]
async fn it_waits_for_the_database(#[future] _database: &Database) {}

fn main() {}
