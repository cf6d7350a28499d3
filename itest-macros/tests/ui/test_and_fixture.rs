use itest::prelude::*;

struct Database;

#[integration_test]
#[fixture]
fn database() -> Database {
    Database
}

fn main() {}
