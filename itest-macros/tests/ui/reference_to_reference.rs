use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test]
async fn it_works(_database: &&Database) {}

fn main() {}
