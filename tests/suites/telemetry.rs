//! An application that installs its own subscriber of `tracing` and its own logger, as its `main` does.

use std::sync::{Once, OnceLock};

use itest::prelude::*;

itest::main!();

/// Installs a global subscriber and logger. Panics in this and every later call if the process has one already.
fn start_telemetry() {
    static ONCE: Once = Once::new();
    println!("starts in process {}", std::process::id());
    ONCE.call_once(|| tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stdout).init());
}

#[integration_test]
async fn application_starts_with_a_subscriber(#[values(0, 1, 2)] _turn: u8) {
    start_telemetry();
    tracing::info!("the application has started");
    let task = tokio::spawn(async { tracing::warn!("a task logs an event") });
    assert!(task.await.is_ok());
}

#[integration_test(flavor = "current_thread")]
async fn application_starts_on_a_private_runtime() {
    start_telemetry();
    let task = tokio::spawn(async { tracing::warn!("a task logs an event") });
    assert!(task.await.is_ok());
}

#[integration_test(threads = 2)]
async fn application_starts_on_two_private_threads() {
    start_telemetry();
    let task = tokio::spawn(async { tracing::warn!("a task logs an event") });
    assert!(task.await.is_ok());
}

/// Events of threads that the code starts by itself go to the global subscriber.
#[integration_test]
fn thread_logs_an_event() {
    assert!(std::thread::spawn(|| tracing::warn!("a thread logs an event")).join().is_ok());
}

/// A subscriber that a test sets for a scope receives the events of that scope.
#[integration_test]
fn subscriber_of_a_scope_receives_its_events() {
    static SEEN: OnceLock<std::sync::Mutex<Vec<u8>>> = OnceLock::new();
    struct Writer;
    impl std::io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            SEEN.get_or_init(std::sync::Mutex::default).lock().expect("no test panics with it").extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let subscriber = tracing_subscriber::fmt().with_writer(|| Writer).finish();
    tracing::subscriber::with_default(subscriber, || tracing::info!("in the scope"));
    let seen = SEEN.get_or_init(std::sync::Mutex::default).lock().expect("no test panics with it").clone();
    assert!(String::from_utf8_lossy(&seen).contains("in the scope"));
}
