use itest::prelude::*;

struct Database;

#[fixture]
#[integration_test]
fn database() -> Database {
    Database
}

fn main() {}
