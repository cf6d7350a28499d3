use itest::prelude::*;

struct Database;
struct Client;

#[fixture]
fn both() -> (Database, Client) {
    (Database, Client)
}

fn main() {}
