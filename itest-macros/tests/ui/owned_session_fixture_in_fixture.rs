use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Database;

#[fixture(scope = "session")]
fn database() -> Database {
    Database
}

struct Shop(Database);

#[fixture]
fn shop(database: Database) -> Shop {
    Shop(database)
}

fn main() {}
