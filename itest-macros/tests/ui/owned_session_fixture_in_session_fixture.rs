use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Database;

#[fixture(scope = "session")]
fn database() -> Database {
    Database
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Shop(Database);

#[fixture(scope = "session")]
fn shop(database: Database) -> Shop {
    Shop(database)
}

fn main() {}
