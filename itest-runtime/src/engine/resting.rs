//! Cases between two attempts.

use std::time::{Duration, Instant};

use super::workers::Assignment;
use crate::model::CaseReport;

/// A case between two attempts. It keeps its locks, so that no other test changes what it shares with others meanwhile.
#[derive(Debug)]
pub(super) struct RestingCase {
    pub(super) assigned: Assignment,
    /// How the last attempt ended: the case's own end, if the run stops before the next one.
    pub(super) last: CaseReport,
    due: Instant,
}

/// The cases whose pause before the next attempt is not over, or that wait for a worker.
#[derive(Debug, Default)]
pub(super) struct RestingCases {
    cases: Vec<RestingCase>,
}

impl RestingCases {
    pub(super) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// Adds a case whose pause begins now.
    pub(super) fn add(&mut self, assigned: Assignment, last: CaseReport, pause: Duration) {
        self.cases.push(RestingCase { assigned, last, due: Instant::now() + pause });
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
    pub(super) fn take_due(&mut self) -> Option<RestingCase> {
        self.first_due().map(|position| self.cases.remove(position))
    }

    /// Takes all cases, whether their pauses are over or not.
    pub(super) fn take_all(&mut self) -> Vec<RestingCase> {
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

/// Waits for a moment, if there is one.
pub(super) async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment.into()).await;
    }
}
