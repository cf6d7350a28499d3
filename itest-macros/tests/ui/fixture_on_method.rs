use itest::prelude::*;

struct Database;

impl Database {
    #[fixture]
    fn database() -> Database {
        Database
    }
}

fn main() {}
