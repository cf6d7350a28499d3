use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

struct Shop;

#[fixture]
fn shop(_database: &mut Database) -> Shop {
    Shop
}

fn main() {}
