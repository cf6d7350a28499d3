use itest::prelude::*;

struct Database(String);

struct Connection<'a>(&'a str);

#[fixture]
fn database() -> Database {
    Database(String::new())
}

#[fixture]
fn connection<'a>(database: &'a Database) -> Connection<'a> {
    Connection(&database.0)
}

fn main() {}
