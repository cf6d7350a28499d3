use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Database;

#[fixture(scope = "sesion")]
fn database() -> Database {
    Database
}

struct Shop;

#[fixture(scope = "worker")]
fn shop(_database: &Database) -> Shop {
    Shop
}

fn main() {}
