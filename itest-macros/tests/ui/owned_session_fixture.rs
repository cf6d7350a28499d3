use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Database;

#[fixture(scope = "session")]
fn database() -> Database {
    Database
}

#[integration_test]
async fn a_database_can_be_dropped(database: Database) {
    drop(database);
}

fn main() {}
