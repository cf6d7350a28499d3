//! The attempt that runs in this process, for code that is not handed the test's own fixtures, such as an HTTP client.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::calls::{CallObserver, target_of_call};
use super::fixture_reports::{CollectedReports, FixtureReports};
use super::phase::phase_of_attempt;
use crate::model::{
    CONNECTION, CallFault, CallKind, CallPlan, ConnectionFault, Exchange, Failure, Fault, Note, Phase, Problem,
};

/// The running attempt. A process runs one attempt at a time, so that any thread of the process may report something about it.
static RUNNING: Mutex<Option<RunningAttempt>> = Mutex::new(None);

/// An attempt, to which an exchange may be added from any thread.
#[derive(Clone)]
pub struct RunningAttempt {
    began: Instant,
    shared: Arc<Shared>,
    calls: Calls,
}

/// The state of an attempt that all its copies share.
#[derive(Default)]
struct Shared {
    reports: Mutex<CollectedReports>,
    is_body_over: AtomicBool,
    body_ended: Notify,
}

/// What happens to the calls of the code under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calls {
    Ignored,
    Observed,
    /// One of them gets a fault.
    Disturbed,
}

impl RunningAttempt {
    /// An attempt that begins now.
    pub(crate) fn new(plan: &CallPlan) -> Self {
        let (calls, observer) = match plan {
            CallPlan::Ignore => (Calls::Ignored, None),
            CallPlan::Observe => (Calls::Observed, Some(CallObserver::new(None))),
            CallPlan::Inject(execution) => (Calls::Disturbed, Some(CallObserver::new(Some(execution.fault.clone())))),
        };
        let shared = Shared { reports: Mutex::new(CollectedReports::new(observer)), ..Shared::default() };
        Self { began: Instant::now(), shared: Arc::new(shared), calls }
    }

    /// The time since the attempt has begun.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The current phase of the attempt.
    #[must_use]
    pub fn phase(&self) -> Phase {
        phase_of_attempt()
    }

    /// Adds an exchange between the code under test and a service. The order is that of the calls. The closure adds texts if the exchange is
    /// one of those that are kept.
    pub fn add_exchange(&self, exchange: Exchange, complete: impl FnOnce(&mut Exchange) + Send + 'static) {
        self.reports().add_exchange(exchange, Box::new(complete));
    }

    /// Fails the test in a phase.
    pub fn fail_in(&self, phase: Phase, problem: Problem) {
        self.reports().failures.push(Failure::new(phase, problem));
    }

    /// Adds a warning about the test, which does not fail it.
    pub fn warn(&self, text: impl Into<String>) {
        self.reports().notes.push(Note { title: "warning".to_owned(), text: text.into(), is_warning: true });
    }

    /// Whether one call of the attempt gets a fault that the test does not expect. Then stubs may be unused, or used too often.
    #[must_use]
    pub fn is_disturbed(&self) -> bool {
        self.calls == Calls::Disturbed
    }

    /// Observes a request or a statement of the code under test. Returns the fault that it gets.
    #[must_use]
    pub fn fault_of_call(&self, kind: CallKind, service: &str, operation: impl FnOnce() -> String) -> Option<Fault> {
        match self.observe(kind, service, operation)? {
            CallFault::Exchange(fault) => Some(fault),
            CallFault::Connection(_) => None,
        }
    }

    /// Observes a connection of the code under test to a service. Returns the fault that it gets.
    #[must_use]
    pub fn fault_of_connection(&self, service: &str) -> Option<ConnectionFault> {
        match self.observe(CallKind::Connection, service, || CONNECTION.to_owned())? {
            CallFault::Connection(fault) => Some(fault),
            CallFault::Exchange(_) => None,
        }
    }

    fn observe(&self, kind: CallKind, service: &str, operation: impl FnOnce() -> String) -> Option<CallFault> {
        if self.calls == Calls::Ignored {
            return None;
        }
        let (target, phase) = (target_of_call(service, operation().trim()), phase_of_attempt());
        self.reports().calls.as_mut()?.observe(kind, target, phase)
    }

    /// Waits until the body of the test has ended. A service that never answers ends its connections then, so that the code under test can
    /// be torn down.
    pub async fn body_ended(&self) {
        let mut ended = pin!(self.shared.body_ended.notified());
        // From now on, an end is noticed even if it comes before the wait.
        ended.as_mut().enable();
        if !self.shared.is_body_over.load(Ordering::Acquire) {
            ended.await;
        }
    }

    /// Notes that the body of the test has ended.
    pub(crate) fn end_body(&self) {
        self.shared.is_body_over.store(true, Ordering::Release);
        self.shared.body_ended.notify_waiters();
    }

    /// Reports that the service behind an essential stub has processed no call, because of the fault.
    pub fn add_unanswered_stub(&self, stub: String) {
        if let Some(calls) = &mut self.reports().calls {
            calls.observations.unanswered.push(stub);
        }
    }

    /// Reports that something was unfinished when the test ended, such as a transaction or the processing of a message.
    pub fn add_unfinished(&self, description: impl FnOnce() -> String) {
        if let Some(calls) = &mut self.reports().calls {
            calls.observations.unfinished.push(description());
        }
    }

    /// Notes that the body of the test has panicked.
    pub(crate) fn note_panic(&self) {
        if let Some(calls) = &mut self.reports().calls {
            calls.observations.has_panicked = true;
        }
    }

    /// Takes what fixtures have reported, for the report of the attempt.
    #[must_use]
    pub(crate) fn take_reports(&self) -> FixtureReports {
        let collected = std::mem::take(&mut *self.reports());
        collected.complete()
    }

    pub(super) fn reports(&self) -> MutexGuard<'_, CollectedReports> {
        self.shared.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RunningAttempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RunningAttempt").field("began", &self.began).finish_non_exhaustive()
    }
}

/// Sets the attempt that runs in this process from now on, or none between two attempts.
pub(crate) fn set_running_attempt(attempt: Option<RunningAttempt>) {
    *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = attempt;
}

/// The attempt that runs in this process. None between two attempts, and in a process that runs no tests, such as the session server.
#[must_use]
pub fn running_attempt() -> Option<RunningAttempt> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
