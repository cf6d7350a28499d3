use itest::prelude::*;

struct Database(String);

struct Connection<'a>(&'a str);

#[fixture]
fn database() -> Database {
    Database(String::new())
}

#[fixture]
fn connection(database: &Database) -> Connection<'_> {
    Connection(&database.0)
}

fn main() {}
