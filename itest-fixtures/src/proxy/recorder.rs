//! What a proxy saw, and the faults that it injects.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use itest_runtime::__private::{CallKind, Exchange, redacted};
use itest_runtime::{ConnectionFault, Fault, Phase, TestInfo};

use super::statement::{StatementPattern, StatementText};
use super::statements::{SentStatement, Statements, in_rows, one_line};
use crate::injection::Injection;
use crate::shown::shown_text;

/// The maximum number of characters of a statement in an exchange.
const MAX_SHOWN_CHARS: usize = 1024;

/// The most statements of a test that are kept for assertions.
const MAX_STATEMENTS: usize = 100_000;

/// The state that a proxy shares with its connections.
#[derive(Debug)]
pub(super) struct Recorder {
    info: TestInfo,
    /// The name of the service in reports.
    name: OnceLock<String>,
    statements: Mutex<Vec<SentStatement>>,
    of_statements: Mutex<Vec<Mounted<Fault, Option<StatementPattern>>>>,
    of_connections: Mutex<Vec<Mounted<ConnectionFault, ()>>>,
    is_lenient: AtomicBool,
}

/// A fault that is injected.
#[derive(Debug)]
pub(super) struct Mounted<F, P> {
    pub(super) fault: F,
    pub(super) pattern: P,
    pub(super) injection: Injection,
    /// Where the test injected the fault.
    pub(super) location: &'static Location<'static>,
}

impl Recorder {
    pub(super) fn new(info: TestInfo) -> Self {
        Self {
            info,
            name: OnceLock::new(),
            statements: Mutex::default(),
            of_statements: Mutex::default(),
            of_connections: Mutex::default(),
            is_lenient: AtomicBool::new(false),
        }
    }

    /// Sets the name of the service, once.
    pub(super) fn set_name(&self, name: &str) {
        let _ = self.name.set(name.to_owned());
    }

    fn name(&self) -> &str {
        self.name.get().map_or("service", String::as_str)
    }

    pub(super) fn be_lenient(&self) {
        self.is_lenient.store(true, Ordering::Relaxed);
    }

    pub(super) fn statements(&self) -> Statements {
        Statements::new(lock(&self.statements).clone())
    }

    pub(super) fn inject(&self, mounted: Mounted<Fault, Option<StatementPattern>>) {
        lock(&self.of_statements).push(mounted);
    }

    pub(super) fn inject_into_connections(&self, mounted: Mounted<ConnectionFault, ()>) {
        lock(&self.of_connections).push(mounted);
    }

    /// The fault that a statement gets.
    pub(super) fn fault_of_statement(&self, sql: &str) -> Option<Fault> {
        let planned = self.info.running().fault_of_call(CallKind::Statement, self.name(), || one_line(sql));
        if planned.is_some() {
            return planned;
        }
        let injections = lock(&self.of_statements);
        if injections.is_empty() {
            return None;
        }
        // A pattern may call a closure of the test, which may use the proxy, so the lock must be free.
        let injections: Vec<_> = injections
            .iter()
            .map(|mounted| (mounted.fault, mounted.pattern.clone(), mounted.injection.clone()))
            .collect();
        let statement = StatementText::new(sql);
        // An injection does not count a statement that gets the fault of an earlier injection.
        let triggered = injections.into_iter().find(|(_, pattern, injection)| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(&statement)) && injection.triggers()
        });
        triggered.map(|(fault, ..)| fault)
    }

    /// The fault that a new connection gets.
    pub(super) fn fault_of_connection(&self) -> Option<ConnectionFault> {
        let planned = self.info.running().fault_of_connection(self.name());
        if planned.is_some() {
            return planned;
        }
        let list = lock(&self.of_connections);
        list.iter().find(|mounted| mounted.injection.triggers()).map(|mounted| mounted.fault)
    }

    /// An exchange that begins now.
    pub(super) fn exchange(&self, operation: impl Into<String>) -> Exchange {
        let mut exchange = Exchange::new(self.name(), operation, self.info.phase());
        exchange.at = self.info.elapsed();
        exchange
    }

    /// Records a statement whose result is known.
    pub(super) fn record_statement(&self, sql: &Arc<str>, mut exchange: Exchange, result: StatementResult) {
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        let sent = SentStatement {
            sql: Arc::clone(sql),
            phase: exchange.phase,
            elapsed: exchange.elapsed,
            result: result.as_ref().map(|rows| *rows).map_err(|error| error.code.clone()),
        };
        let mut statements = lock(&self.statements);
        if statements.len() < MAX_STATEMENTS {
            statements.push(sent);
        }
        drop(statements);
        exchange.status = Some(match &result {
            Ok(rows) => in_rows(*rows),
            Err(error) => format!("error {}", error.code),
        });
        self.add(exchange, sql, result.err().map(|error| error.text));
    }

    /// Records a session that the server refuses.
    pub(super) fn record_refused_session(&self, mut exchange: Exchange, error: StatementError) {
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        exchange.status = Some(format!("error {}", error.code));
        self.info.add_exchange(exchange, move |exchange| exchange.response = redacted(&error.text).into_owned());
    }

    /// Records a statement whose result never came.
    pub(super) fn record_unfinished(&self, sql: &Arc<str>, mut exchange: Exchange) {
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        self.add(exchange, sql, None);
    }

    fn add(&self, exchange: Exchange, sql: &Arc<str>, error: Option<String>) {
        let sql = Arc::clone(sql);
        self.info.add_exchange(exchange, move |exchange| {
            exchange.operation = one_line(&sql);
            if exchange.operation.ends_with('…') {
                exchange.request = shown_text(&sql, MAX_SHOWN_CHARS);
            }
            exchange.response = error.map(|error| redacted(&error).into_owned()).unwrap_or_default();
        });
    }

    /// Records a connection that has ended.
    pub(super) fn record_connection(&self, mut exchange: Exchange) {
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        self.info.add_exchange(exchange, |_| {});
    }

    /// Waits until the body of the test has ended.
    pub(super) async fn body_ended(&self) {
        self.info.running().body_ended().await;
    }

    /// A connection has ended while a transaction was open. If the test had ended before, it has left the transaction open.
    pub(super) fn end_in_transaction(&self) {
        if self.info.phase() == Phase::Teardown {
            let description = || format!("an open transaction of {}", self.name());
            self.info.running().add_unfinished(description);
        }
    }

    /// Fails the test for each fault that was never triggered.
    pub(super) fn check(&self) {
        if self.is_lenient.load(Ordering::Relaxed) || self.info.running().is_disturbed() {
            return;
        }
        for Mounted { fault, pattern, injection, location } in &*lock(&self.of_statements) {
            let on = pattern.as_ref().map_or_else(String::new, |pattern| format!(" on {pattern}"));
            injection.check(&format!("the fault {fault}{on} to {}", self.name()), &self.info, location);
        }
        for Mounted { fault, injection, location, .. } in &*lock(&self.of_connections) {
            injection.check(&format!("the fault {fault} of connections to {}", self.name()), &self.info, location);
        }
    }
}

/// The number of rows of a statement, or its error.
pub(super) type StatementResult = Result<u64, StatementError>;

/// The error of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatementError {
    /// The SQLSTATE.
    pub(super) code: String,
    pub(super) text: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
