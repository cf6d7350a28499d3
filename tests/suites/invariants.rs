//! Tests that keep or break invariants, and invariants that misbehave.

use std::future::pending;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use itest::prelude::*;
use tokio::sync::{mpsc, oneshot};

itest::main!();

/// What the invariant of the account does after the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Holds,
    Breaks,
    Panics,
    Hangs,
    BlocksItsThread,
    Skips,
}

const CHECKS: [Check; 6] =
    [Check::Holds, Check::Breaks, Check::Panics, Check::Hangs, Check::BlocksItsThread, Check::Skips];

struct Account(AtomicU8);

impl Account {
    fn plan(&self, check: Check) {
        self.0.store(check as u8, Ordering::Relaxed);
    }
}

#[fixture]
fn account(teardown: &Teardown) -> Account {
    teardown.defer("close the account", async { eprintln!("the account is closed") });
    Account(AtomicU8::new(Check::Holds as u8))
}

/// A fixture that uses the account.
struct Bank;

#[fixture]
fn bank(account: &Account) -> Bank {
    account.plan(Check::Breaks);
    Bank
}

#[invariant(timeout = "300ms")]
async fn account_is_balanced(account: &Account, info: &TestInfo) -> Result<()> {
    eprintln!("the account is checked after {}", info.id());
    match CHECKS[usize::from(account.0.load(Ordering::Relaxed))] {
        Check::Holds => Ok(()),
        Check::Breaks => Err("the account lacks 7 coins".into()),
        Check::Panics => panic!("the account has no balance"),
        Check::Hangs => pending().await,
        Check::BlocksItsThread => {
            std::thread::sleep(Duration::from_hours(1));
            Ok(())
        }
        Check::Skips => skip!("no account today"),
    }
}

/// The number of tests that have run in this process.
#[derive(Default)]
struct Visits(AtomicU8);

#[fixture(scope = "worker")]
fn visits() -> Visits {
    Visits::default()
}

#[invariant]
fn visits_are_counted(visits: &Visits) {
    assert!(visits.0.load(Ordering::Relaxed) > 0, "no visit was counted");
}

#[invariant]
fn every_test_is_checked() {
    eprintln!("a test is checked");
}

#[integration_test]
fn keeps_the_invariant(account: &Account) {
    #[arrange]
    account.plan(Check::Breaks);
    #[act]
    account.plan(Check::Holds);
    #[assert]
    assert_eq!(account.0.load(Ordering::Relaxed), Check::Holds as u8);
}

#[integration_test]
fn breaks_the_invariant(account: &Account) {
    account.plan(Check::Breaks);
}

#[integration_test]
fn breaks_it_in_another_fixture(_bank: &Bank) {}

#[integration_test]
fn breaks_it_through_an_exclusive_borrow(account: &mut Account) {
    account.plan(Check::Breaks);
}

#[integration_test]
fn breaks_an_account_of_its_own(account: Account) {
    account.plan(Check::Breaks);
}

#[integration_test]
fn breaks_it_and_fails(account: &Account) {
    account.plan(Check::Breaks);
    panic!("the test itself fails");
}

#[integration_test]
fn fails_and_keeps_it(account: &Account) {
    account.plan(Check::Holds);
    panic!("the test itself fails");
}

#[integration_test(timeout = "100ms")]
async fn hangs_and_breaks_it(account: &Account) {
    account.plan(Check::Breaks);
    pending::<()>().await;
}

#[integration_test]
fn breaks_it_and_is_skipped(account: &Account) {
    account.plan(Check::Breaks);
    skip!("not today");
}

#[integration_test]
fn invariant_panics(account: &Account) {
    account.plan(Check::Panics);
}

#[integration_test]
fn invariant_hangs(account: &Account) {
    account.plan(Check::Hangs);
}

#[integration_test]
fn invariant_blocks_its_thread(account: &Account) {
    account.plan(Check::BlocksItsThread);
}

#[integration_test]
fn invariant_is_skipped(account: &Account) {
    account.plan(Check::Skips);
}

#[integration_test]
fn counts_a_visit(visits: &Visits) {
    visits.0.fetch_add(1, Ordering::Relaxed);
}

/// A service that the test runs, and that an invariant asks.
struct Service {
    requests: mpsc::Sender<oneshot::Sender<u8>>,
    received: Option<mpsc::Receiver<oneshot::Sender<u8>>>,
}

#[fixture]
fn service() -> Service {
    let (requests, received) = mpsc::channel(1);
    Service { requests, received: Some(received) }
}

#[invariant(timeout = "10s")]
async fn service_answers(service: &Service) -> Result<()> {
    let (answer, answered) = oneshot::channel();
    service.requests.send(answer).await?;
    assert_eq!(answered.await?, 42);
    Ok(())
}

/// The task that answers the invariant runs on the runtime of this test.
#[integration_test(flavor = "current_thread")]
async fn invariant_asks_a_task_of_the_test(service: &mut Service, teardown: &Teardown) -> Result<()> {
    let mut received = service.received.take().ok_or("the receiver is there")?;
    let task = tokio::spawn(async move {
        while let Some(answer) = received.recv().await {
            let _ = answer.send(42);
        }
    });
    teardown.defer("stop the service", async move { task.abort() });
    Ok(())
}

#[integration_test]
fn uses_nothing() {}
