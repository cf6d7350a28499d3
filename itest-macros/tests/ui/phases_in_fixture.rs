use itest::prelude::*;

struct Database;

#[fixture]
async fn database() -> Result<Database> {
    #[arrange]
    let database = Database;
    Ok(database)
}

#[integration_test]
fn a_database_can_be_borrowed(_database: &Database) {}

fn main() {}
