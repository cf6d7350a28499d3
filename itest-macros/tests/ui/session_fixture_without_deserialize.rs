use itest::prelude::*;

#[derive(serde::Serialize)]
struct Store<T> {
    value: T,
}

#[fixture(scope = "session")]
fn store() -> Store<u32> {
    Store { value: 7 }
}

fn main() {}
