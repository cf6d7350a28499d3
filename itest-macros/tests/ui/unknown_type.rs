use itest::prelude::*;

#[integration_test]
async fn a_new_database_is_empty(database: &Database) {
    assert!(database.is_empty().await);
}

fn main() {}
