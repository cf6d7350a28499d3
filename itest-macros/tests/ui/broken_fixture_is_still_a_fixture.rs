use itest::prelude::*;

struct Database;

#[fixture(timeout = "10s", scope = "worker")]
async fn database() -> Result<Database> {
    Ok(Database)
}

struct Shop;

#[fixture(scope = "worker")]
async fn shop(_database: &Database) -> Shop {
    Shop
}

#[integration_test]
async fn a_database_can_be_borrowed(_database: &mut Database, _shop: &Shop) {}

fn main() {}
