//! Tests that observe what the code under test logs, through `tracing`, `log` and the output of a program.

use std::sync::Once;
use std::time::Duration;

use itest::prelude::*;
use itest::{Level, Phase};

itest::main!();

/// The number of records that `Logs` keeps.
const KEPT_RECORDS: usize = 10_000;

/// The code under test.
fn pay(attempts: u32) {
    tracing::debug!(attempts, "paying");
    tracing::error!(attempts, api_key = "hunter2", "the gateway is gone");
}

#[integration_test(tags("pass"))]
fn logged_error_is_expected(logs: &Logs) {
    pay(3);
    let record = logs.expect(Level::ERROR, "gateway");
    assert_eq!((record.target(), record.message()), ("suite_logs", "the gateway is gone"));
    assert_eq!((record.field("attempts"), record.field("api_key")), (Some("3"), Some("hunter2")));
    assert!(record.elapsed() > Duration::ZERO && !record.to_string().contains("hunter2"), "{record}");
    logs.expect(Level::ERROR, "attempts=3");
    logs.expect(Level::ERROR, "suite_logs");
    logs.expect(Level::DEBUG, "paying");
    logs.expect_none_containing(Level::INFO, "paying");
    assert_eq!(logs.records().len(), 2, "reading consumes no records");
}

#[integration_test(tags("pass"))]
fn records_are_selected_by_phase(logs: &Logs) {
    #[arrange]
    tracing::warn!("in arrange");
    #[act]
    tracing::info!("in act");
    #[assert]
    logs.records().during(Phase::Act).expect_none(Level::WARN);
    let arranged = logs.records().during(Phase::Arrange);
    assert_eq!(arranged.expect(Level::WARN, "in").phase(), Phase::Arrange);
    assert_eq!(arranged.len(), 1);
}

/// The target of a record of `log` is its own, and the fields that describe its origin are left out.
#[integration_test(tags("pass", "log"))]
fn record_of_log_is_collected(logs: &Logs) {
    log::warn!(target: "shop::stock", "only {} left", 2);
    log::trace!("not collected");
    let record = logs.expect(Level::WARN, "only 2 left");
    assert_eq!((record.target(), record.fields().count()), ("shop::stock", 0));
    assert_eq!(logs.records().len(), 1);
}

#[integration_test(tags("pass", "application"))]
async fn tasks_are_observed(logs: &Logs) -> Result {
    let tasks: Vec<_> = (0..20).map(|number| tokio::spawn(async move { tracing::info!(number, "a task") })).collect();
    for task in tasks {
        task.await?;
    }
    tokio::task::spawn_blocking(|| tracing::warn!("a blocking task")).await?;
    assert_eq!(logs.records().containing("a task").len(), 20);
    logs.expect(Level::WARN, "a blocking task");
    Ok(())
}

#[integration_test(tags("pass", "application"), flavor = "current_thread")]
async fn tasks_of_a_private_runtime_are_observed(logs: &Logs) -> Result {
    tokio::spawn(async { tracing::warn!("a task") }).await?;
    logs.expect(Level::WARN, "a task");
    Ok(())
}

#[integration_test(tags("pass"))]
fn threads_are_observed(logs: &Logs) {
    std::thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || (0..100).for_each(|step| tracing::info!(number, step, "a thread")));
        }
    });
    assert_eq!(logs.records().at(Level::INFO).containing("number=2").len(), 100);
    assert_eq!(logs.records().len(), 400);
}

#[integration_test(tags("pass", "application"))]
async fn later_record_is_awaited(logs: &Logs) -> Result {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let _ = receiver.await;
        tracing::warn!("retrying");
    });
    let retries = async || logs.records().at(Level::WARN).containing("retrying");
    assert!(retries().await.is_empty());
    drop(sender);
    eventually(retries).until(|retries| !retries.is_empty()).await?;
    task.await?;
    Ok(())
}

/// `tracing::enabled!` asks the filters for an event that never comes. The next event is collected in spite of it.
#[integration_test(tags("pass"))]
fn question_for_a_level_hides_no_record(logs: &Logs) {
    for _ in 0..3 {
        assert!(tracing::enabled!(tracing::Level::DEBUG));
        let _ = tracing::enabled!(tracing::Level::TRACE);
        tracing::info!("asked");
    }
    assert_eq!(logs.records().containing("asked").len(), 3);
}

/// Half of these tests log with an observer, and half of them without one. No test sees the records of another test.
#[integration_test(tags("pass", "application"))]
fn earlier_records_are_not_seen(logs: &Logs, #[values(0, 1, 2, 3)] number: u8) {
    logs.expect_none(Level::DEBUG);
    tracing::error!(number, "an error of one test");
    assert_eq!(logs.records().len(), 1);
}

#[integration_test(tags("idle", "application"))]
fn logs_without_an_observer(#[values(0, 1, 2, 3)] number: u8) {
    tracing::error!(number, "an error that no test observes");
    assert!(!tracing::enabled!(tracing::Level::DEBUG), "a test without `Logs` must not pay for details");
}

/// A fixture with an observer of its own.
struct Shop {
    logs: Logs,
}

#[fixture]
fn shop(logs: Logs) -> Shop {
    tracing::info!("the shop has opened");
    Shop { logs }
}

#[integration_test(tags("pass", "application"))]
fn each_observer_has_its_own_records(shop: &Shop, logs: Logs) {
    assert_eq!(shop.logs.expect(Level::INFO, "opened").phase(), Phase::Setup);
    logs.expect_none(Level::DEBUG);
    drop(logs);
    pay(1);
    assert_eq!(shop.logs.records().len(), 3);
}

#[integration_test(tags("pass"))]
async fn lines_of_a_program_are_observed(logs: &Logs, teardown: &Teardown) -> Result {
    let script = r#"echo started; echo '2026-01-31T12:00:00Z ERROR shop::pay: the gateway is gone' >&2; echo '{"level":"WARN","message":"slow","ms":7}'"#;
    let program = Program::new("sh").args(["-c", script]).may_exit().start(teardown).await?;
    program.wait().await?;
    let error = logs.expect(Level::ERROR, "gateway");
    assert_eq!((error.target(), error.field("program")), ("shop::pay", Some("sh")));
    assert_eq!(logs.expect(Level::WARN, "slow").field("ms"), Some("7"));
    assert_eq!(logs.expect(Level::INFO, "started").target(), "sh");
    Ok(())
}

#[integration_test(tags("pass"))]
fn last_records_are_kept(logs: &Logs) {
    #[arrange]
    tracing::error!("first");
    (0..KEPT_RECORDS).for_each(|number| tracing::debug!(number, "again"));
    #[act]
    tracing::info!("last");
    #[assert]
    assert_eq!(logs.records().len(), KEPT_RECORDS);
    logs.expect(Level::INFO, "last");
    logs.expect(Level::DEBUG, "number=9999");
    logs.records().during(Phase::Act).expect_none(Level::WARN);
}

#[integration_test(tags("fail"))]
fn removed_error_fails_the_expectation(logs: &Logs) {
    tracing::error!("first");
    (0..KEPT_RECORDS).for_each(|number| tracing::debug!(number, "again"));
    logs.expect_none(Level::WARN);
}

#[integration_test(tags("fail"))]
fn missing_record_fails_the_expectation(logs: &Logs) {
    tracing::info!("started");
    tracing::warn!(token = "hunter2", "the gateway is slow");
    tracing::error!("the disk is full");
    logs.expect(Level::ERROR, "gateway");
}

#[integration_test(tags("fail"))]
fn unexpected_record_fails_the_expectation(logs: &Logs) {
    #[act]
    log::warn!("the gateway is slow");
    tracing::error!("the disk is full");
    #[assert]
    logs.expect_none(Level::WARN);
}

/// Installs a global subscriber, as the `main` of an application does.
fn start_telemetry() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stdout).init());
}

#[integration_test(tags("application"))]
async fn application_with_its_own_subscriber_is_observed(logs: &Logs) -> Result {
    start_telemetry();
    tracing::warn!("in the body");
    tokio::spawn(async { tracing::warn!("in a task") }).await?;
    log::warn!("through log");
    for place in ["in the body", "in a task", "through log"] {
        logs.expect(Level::WARN, place);
    }
    Ok(())
}

#[integration_test(tags("application-fail"))]
fn thread_of_an_application_with_its_own_subscriber_is_not_observed(logs: &Logs) {
    start_telemetry();
    assert!(std::thread::spawn(|| tracing::warn!("in a thread")).join().is_ok());
    logs.expect(Level::WARN, "in a thread");
}
