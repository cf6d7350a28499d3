//! A library that re-exports itest uses its macros, also under a condition.

mod library {
    pub mod again {
        pub use ::itest::*;
    }
}

use library::again::{Result, Teardown, fixture, integration_test, teardown};

struct Shop;

#[teardown(crate = library::again)]
fn close(_name: String) {}

#[fixture(scope = "worker", crate = crate::library::again)]
fn shop(teardown: &Teardown, #[cfg(any())] _missing: &Missing) -> Result<Shop> {
    teardown.durable(close, "shop".to_owned())?;
    Ok(Shop)
}

#[integration_test(crate = library::again, timeout = "1s",)]
fn sells(_shop: &Shop) {}

fn main() {}
