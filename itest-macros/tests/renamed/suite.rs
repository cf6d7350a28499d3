//! A suite of a package that calls the crate `itest` by another name; there is no `::itest` here.

#![deny(warnings)]

use serde::{Deserialize, Serialize};
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

#[derive(Serialize, Deserialize)]
struct Cluster {
    nodes: u32,
}

#[trials::fixture(scope = "session")]
async fn cluster(teardown: &Teardown) -> trials::Result<Cluster> {
    teardown.durable(stop, ("cluster".to_owned(), 3))?;
    Ok(Cluster { nodes: 3 })
}

#[trials::teardown]
async fn stop((name, nodes): (String, u32)) -> trials::Result {
    assert_eq!((name.as_str(), nodes), ("cluster", 3));
    Ok(())
}

#[teardown]
fn forget(name: String) {
    drop(name);
}

#[integration_test]
async fn finds_the_crate_for_sessions(cluster: &Cluster, teardown: &Teardown) -> Result<()> {
    teardown.durable(forget, "cluster".to_owned())?;
    stop(("cluster".to_owned(), cluster.nodes)).await
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
