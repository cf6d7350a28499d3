use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test]
fn one_writes_and_one_reads(_writer: &mut Database, _reader: &Database) {}

fn main() {}
