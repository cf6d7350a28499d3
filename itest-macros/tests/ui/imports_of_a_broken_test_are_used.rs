#![deny(unused, dead_code)]

use itest::prelude::*;

mod support {
    pub fn answer() -> u32 {
        42
    }
}

use support::answer;

struct Database;

#[fixture]
fn database() -> Database {
    Database
}

#[integration_test(timout = "10s")]
async fn it_works(_database: &Database) {
    assert_eq!(answer(), 42);
}

fn main() {}
