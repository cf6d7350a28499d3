use itest::prelude::*;

struct Database;

#[fixture]
#[ignore]
fn database() -> Database {
    Database
}

fn main() {}
