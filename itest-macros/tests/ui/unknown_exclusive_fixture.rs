use itest::prelude::*;

struct Database;

#[integration_test]
fn a_database_can_be_changed(database: &mut Database) {
    *database = Database;
}

fn main() {}
