//! The paths of an expansion are not called unnecessary where the suite imports the same things.

#![deny(unused_qualifications)]

use itest::prelude::*;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Shop;

struct Stock<T>(#[allow(dead_code)] T);

#[teardown]
fn close(_name: String) {}

mod again {
    pub use itest::*;
}

#[teardown(crate = again)]
fn close_shop(_shop: Shop) {}

#[fixture(crate = crate::again)]
fn other(teardown: &Teardown) -> Result<Stock<u8>> {
    teardown.durable(close_shop, Shop)?;
    Ok(Stock(0))
}

#[fixture(scope = "session")]
fn shop(teardown: &Teardown) -> Result<Shop> {
    teardown.durable(close, "shop".to_owned())?;
    Ok(Shop)
}

#[integration_test(timeout = "1s")]
#[case(1)]
async fn sells(_shop: &Shop, #[case] _number: i32, _dir: &TempDir) -> Result {
    #[act]
    let sold = 1;
    #[assert]
    assert_eq!(sold, 1);
    Ok(())
}

#[integration_test(crate = again)]
fn sells_again(_stock: &Stock<u8>, _dir: TempDir) -> Result {
    Ok(())
}

fn main() {}
