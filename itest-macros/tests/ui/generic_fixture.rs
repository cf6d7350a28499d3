use itest::prelude::*;

struct Store<T>(T);

#[fixture]
fn store<T: Default + 'static>() -> Store<T> {
    Store(T::default())
}

fn main() {}
