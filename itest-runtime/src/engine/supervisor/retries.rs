//! Cases whose last attempt failed and whose next attempt has to wait.

use std::time::{Duration, Instant};

use super::assignment::Assignment;
use crate::model::CaseReport;

/// A case between two attempts. It keeps its locks, so that no other test changes the state that it shares with others meanwhile.
#[derive(Debug)]
pub(super) struct PendingRetry {
    /// The attempt that failed.
    pub(super) failed: Assignment,
    /// The report of that attempt, which becomes the result of the case if the run stops before the next attempt.
    pub(super) report: CaseReport,
    due: Instant,
}

/// The cases whose pause before the next attempt is not over, or that wait for a worker.
#[derive(Debug, Default)]
pub(super) struct PendingRetries {
    cases: Vec<PendingRetry>,
}

impl PendingRetries {
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Adds a case whose pause begins now.
    pub(super) fn add(&mut self, failed: Assignment, report: CaseReport, pause: Duration) {
        self.cases.push(PendingRetry { failed, report, due: Instant::now() + pause });
    }

    /// Whether the pause of a case is over.
    pub(super) fn is_any_due(&self) -> bool {
        self.first_due().is_some()
    }

    /// When the next pause is over.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.cases.iter().map(|case| case.due).min()
    }

    /// Takes the case whose pause has been over for the longest time.
    pub(super) fn take_due(&mut self) -> Option<PendingRetry> {
        self.first_due().map(|position| self.cases.remove(position))
    }

    /// Takes all cases, whether their pauses are over or not.
    pub(super) fn take_all(&mut self) -> Vec<PendingRetry> {
        std::mem::take(&mut self.cases)
    }

    /// Makes all pauses longer, because the run itself was paused.
    pub(super) fn delay(&mut self, paused: Duration) {
        for case in &mut self.cases {
            case.due += paused;
        }
    }

    fn first_due(&self) -> Option<usize> {
        if self.cases.is_empty() {
            return None;
        }
        let now = Instant::now();
        let due = self.cases.iter().enumerate().filter(|(_, case)| case.due <= now);
        due.min_by_key(|(_, case)| case.due).map(|(position, _)| position)
    }
}
