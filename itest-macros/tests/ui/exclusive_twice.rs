use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test]
fn two_write(_one: &mut Database, _other: &mut Database) {}

fn main() {}
