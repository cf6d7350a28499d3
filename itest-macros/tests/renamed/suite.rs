//! A suite of a package that calls the crate `itest` by another name; there is no `::itest` here.

#![deny(warnings)]

use trials::prelude::*;

struct Shop;

#[fixture]
async fn shop(_teardown: &Teardown) -> Result<Shop> {
    Ok(Shop)
}

struct Broker;

#[trials::fixture(scope = "worker")]
fn broker() -> Broker {
    Broker
}

#[integration_test(timeout = "10s", tags("renamed"))]
async fn finds_the_crate(_shop: &Shop, _broker: &Broker) -> trials::Result {
    #[act("it adds", within = "10s")]
    let answer = 40 + 2;
    #[assert]
    assert_eq!(answer, 42);
    Ok(())
}

#[trials::integration_test]
#[case::only(1)]
fn finds_the_crate_for_cases(#[case] number: u32, #[values(1, 2)] other: u32) {
    assert!(number <= other);
}

trials::main!();
