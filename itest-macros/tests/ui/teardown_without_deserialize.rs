use itest::prelude::*;

#[derive(serde::Serialize)]
struct Store<T> {
    value: T,
}

#[teardown]
fn empty(store: Store<u32>) -> Result<()> {
    drop(store.value);
    Ok(())
}

fn main() {}
