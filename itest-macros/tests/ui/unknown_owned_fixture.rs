use itest::prelude::*;

struct Database;

#[integration_test]
async fn a_database_can_be_dropped(database: Database) {
    drop(database);
}

fn main() {}
