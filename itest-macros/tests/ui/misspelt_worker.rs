use itest::prelude::*;

struct Database;

#[fixture(scope = "workers")]
fn database() -> Database {
    Database
}

struct Shop;

#[fixture(scope = "worker")]
fn shop(_database: &Database) -> Shop {
    Shop
}

fn main() {}
