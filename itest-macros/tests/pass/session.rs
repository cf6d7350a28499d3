//! Session fixtures in all their shapes, and who may ask for them.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![deny(missing_docs, unreachable_pub, unused_qualifications, unused_results, trivial_casts, non_local_definitions)]
#![deny(clippy::pedantic)]
#![allow(clippy::unused_async, reason = "that a function is async is what is tried here")]

use std::process::id;

use itest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Network {
    process: u32,
}

#[fixture(scope = "session")]
fn network() -> Network {
    Network { process: id() }
}

/// Some nodes in a network.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cluster {
    network: u32,
    nodes: Vec<String>,
}

#[fixture(scope = "session")]
async fn cluster(network: &Network, teardown: &Teardown) -> Result<Cluster> {
    teardown.defer("stop the cluster", async {});
    Ok(Cluster { network: network.process, nodes: vec!["a".to_owned(), "b".to_owned()] })
}

/// How it went, in the words of its owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Migration {
    /// There was something to do.
    Done(usize),
    /// There was not.
    Unnecessary,
}

/// Migrates the cluster.
///
/// # Errors
///
/// When there are no nodes.
#[fixture(scope = "session")]
pub fn migration(cluster: &Cluster, _own: Teardown) -> std::result::Result<Migration, &'static str> {
    if cluster.nodes.is_empty() { Err("no nodes") } else { Ok(Migration::Done(cluster.nodes.len())) }
}

#[derive(Serialize, Deserialize)]
struct Store<T>(T);

#[fixture(scope = "session")]
fn store() -> Store<u32> {
    Store(7)
}

mod support {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Broker(pub(crate) String);

    #[itest::fixture(scope = "session")]
    async fn broker(network: &super::Network) -> itest::Result<Broker> {
        Ok(Broker(format!("made in {}", network.process)))
    }
}

/// A worker's.
struct Pool {
    cluster: u32,
}

#[fixture(scope = "worker")]
async fn pool(cluster: &Cluster, _migration: &Migration) -> Pool {
    Pool { cluster: cluster.network }
}

/// A test's.
struct Order(u32);

#[fixture]
fn order(pool: &Pool, store: &Store<u32>, broker: &support::Broker) -> Order {
    assert!(broker.0.starts_with("made in"));
    assert_ne!(pool.cluster, 0);
    Order(store.0)
}

#[integration_test]
fn shared(cluster: &Cluster, pool: &Pool, order: Order) {
    assert_eq!(cluster.network, pool.cluster);
    assert_eq!(order.0, 7);
}

#[integration_test]
fn a_session_is_a_process(network: &Network) {
    let alone = std::env::args().any(|argument| argument == "--in-process");
    assert!(alone || network.process != id());
}

#[integration_test]
async fn alone(store: &mut Store<u32>, #[values(1, 2)] number: u32) {
    store.0 += number;
    assert_eq!(store.0, 7 + number);
}

#[integration_test]
fn taken_apart(Store(number): &Store<u32>, Cluster { nodes, .. }: &Cluster, migration: &mut Migration) {
    assert_eq!(*number, 7);
    assert!(matches!(migration, Migration::Done(count) if *count == nodes.len()));
    *migration = Migration::Unnecessary;
}

itest::main!();
