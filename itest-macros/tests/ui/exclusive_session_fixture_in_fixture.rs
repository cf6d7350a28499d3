use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Database;

#[fixture(scope = "session")]
fn database() -> Database {
    Database
}

struct Shop;

#[fixture(scope = "worker")]
fn shop(_database: &mut Database) -> Shop {
    Shop
}

fn main() {}
