use itest::prelude::*;

struct Failure;

struct Database;

#[fixture]
async fn database() -> Result<Database, Failure> {
    Err(Failure)
}

fn main() {}
