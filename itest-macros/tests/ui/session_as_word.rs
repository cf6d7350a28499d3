use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Database;

#[fixture(session)]
fn database() -> Database {
    Database
}

fn main() {}
