use itest::prelude::*;

struct Database {
    url: String,
}

#[fixture(scope = "session")]
async fn database() -> Result<Database> {
    Ok(Database { url: "postgres://localhost".to_owned() })
}

#[integration_test]
fn a_database_has_a_url(database: &Database) {
    assert!(database.url.starts_with("postgres"));
}

struct Shop;

#[fixture(scope = "worker")]
fn shop(_database: &Database) -> Shop {
    Shop
}

fn main() {}
