use itest::prelude::*;

struct Database;

impl Database {
    async fn count(&self) -> usize {
        0
    }
}

#[integration_test]
async fn a_new_database_is_empty(database: &Database) {
    assert_eq!(database.count().await, 0);
}

fn main() {}
