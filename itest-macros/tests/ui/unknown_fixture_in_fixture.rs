use itest::prelude::*;

struct Database;

struct Shop;

#[fixture]
fn shop(_database: &Database) -> Shop {
    Shop
}

fn main() {}
