//! Fixtures that tests share or own. Tests and fixtures note events in the file that `JOURNAL` names.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use itest::prelude::*;

itest::main!();

fn note(words: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{words}\n").as_bytes())).expect("the journal can be written");
}

/// One for each worker.
struct Cluster {
    process: u32,
}

#[fixture(scope = "worker")]
async fn cluster(teardown: &Teardown) -> Result<Cluster> {
    note("start cluster");
    teardown.defer("stop cluster", async { note("stop cluster") });
    Ok(Cluster { process: std::process::id() })
}

/// One for each test.
struct Database {
    number: u32,
    rows: u32,
}

#[fixture]
async fn database(_cluster: &Cluster, teardown: &Teardown) -> Database {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    note("create database");
    teardown.defer("drop database", async { note("drop database") });
    Database { number, rows: 0 }
}

impl Drop for Database {
    fn drop(&mut self) {
        note("value dropped");
    }
}

/// Built on the test's one database.
struct Service {
    database: u32,
}

#[fixture]
fn service(database: &Database, teardown: &Teardown) -> Service {
    teardown.defer("stop service", async { note("stop service") });
    note("start service");
    Service { database: database.number }
}

#[integration_test]
fn a_shared_value_is_one_value(service: &Service, database: &Database, again: &Database) {
    assert_eq!(service.database, database.number);
    assert_eq!(database.number, again.number);
}

#[integration_test]
fn exclusive_borrow_and_later_fixtures_share_one_value(database: &mut Database, service: &Service) {
    assert_eq!(service.database, database.number);
}

#[integration_test]
fn an_owned_value_is_fresh(first: Database, second: Database, shared: &Database) {
    assert_ne!(first.number, second.number);
    assert_ne!(first.number, shared.number);
    assert_ne!(second.number, shared.number);
}

#[integration_test]
fn an_exclusive_value_can_be_changed(database: &mut Database) {
    assert_eq!(database.rows, 0, "no other test's changes are seen");
    database.rows = 7;
}

#[integration_test]
fn an_exclusive_value_of_a_worker_is_the_same_for_the_next_test(cluster: &mut Cluster) {
    assert_eq!(cluster.process, std::process::id());
}

#[integration_test]
fn a_worker_value_outlives_the_test(cluster: &Cluster) {
    assert_eq!(cluster.process, std::process::id());
}

#[integration_test(tags("order"))]
fn notes_the_order_of_teardown(_service: &Service, teardown: &Teardown) {
    teardown.defer("test's own", async { note("test's own") });
    note("test");
}
