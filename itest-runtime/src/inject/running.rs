//! The attempt that runs in this process, for code that is not handed the test's own fixtures, such as an HTTP client.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fixture_reports::{CollectedReports, FixtureReports};
use super::phase::phase_of_attempt;
use crate::model::{Exchange, Phase};

/// The running attempt. A process runs one attempt at a time, so that any thread of the process may report something about it.
static RUNNING: Mutex<Option<RunningAttempt>> = Mutex::new(None);

/// An attempt, to which an exchange may be added from any thread.
#[derive(Clone)]
pub struct RunningAttempt {
    began: Instant,
    reports: Arc<Mutex<CollectedReports>>,
}

impl RunningAttempt {
    /// An attempt that begins now.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), reports: Arc::default() }
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

    /// Takes what fixtures have reported, for the report of the attempt.
    #[must_use]
    pub(crate) fn take_reports(&self) -> FixtureReports {
        let collected = std::mem::take(&mut *self.reports());
        collected.complete()
    }

    pub(super) fn reports(&self) -> MutexGuard<'_, CollectedReports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
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
