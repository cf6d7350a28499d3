use itest::prelude::*;

trait Store {}

struct Database;

impl Store for Database {}

#[fixture]
fn store() -> impl Store {
    Database
}

fn main() {}
