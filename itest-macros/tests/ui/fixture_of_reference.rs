use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> &'static Database {
    &Database
}

fn main() {}
