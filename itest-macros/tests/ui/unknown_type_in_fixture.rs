use itest::prelude::*;

#[fixture]
fn database() -> Database {
    todo!()
}

fn main() {}
