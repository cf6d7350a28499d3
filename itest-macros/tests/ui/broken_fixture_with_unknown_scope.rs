use itest::prelude::*;

struct Database;

#[fixture(scope = "process")]
async fn database() -> Result<Database> {
    Ok(Database)
}

struct Shop;

#[fixture(scope = "worker")]
async fn shop(_database: &Database) -> Shop {
    Shop
}

#[integration_test]
async fn a_database_can_be_owned(_database: Database, _shop: &Shop) {}

fn main() {}
