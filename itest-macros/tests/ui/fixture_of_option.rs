use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Option<Database> {
    Some(Database)
}

fn main() {}
