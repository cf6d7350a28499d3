use itest::prelude::*;

#[fixture]
struct Database {
    url: String,
}

fn main() {}
