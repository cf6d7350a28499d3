use itest::prelude::*;

#[fixture]
fn anything<T: Default>() -> Result<T> {
    Ok(T::default())
}

fn main() {}
