use itest::prelude::*;

struct Database;

#[fixture]
fn database() -> Result<Database> {
    Database
}

fn main() {}
