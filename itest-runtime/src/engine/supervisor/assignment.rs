//! A case together with the attempt that a worker makes at it.

use std::time::{Duration, Instant};

use crate::model::{AttemptReport, Case, CaseReport, Lane, Outcome, Output, Turn, WorkerId};

/// A case that the supervisor gives to a worker.
#[derive(Debug)]
pub(super) struct Assignment {
    case: Case,
    /// The lane that a script puts the case in. Without a script any worker may run it.
    lane: Option<Lane>,
    /// The number of the attempt, counted from 1.
    attempt: u32,
    progress: AttemptProgress,
}

/// How far an attempt is, as far as the events of the run have reported it.
#[derive(Debug, Clone, Copy)]
enum AttemptProgress {
    Waiting,
    Running { since: Instant },
    ReportedAsSlow { since: Instant },
}

impl Assignment {
    /// The first attempt at a case, in any worker.
    pub(super) fn first(case: Case) -> Self {
        Self { case, lane: None, attempt: 1, progress: AttemptProgress::Waiting }
    }

    /// The only attempt at a step of a script, in the worker of its lane.
    pub(super) fn in_lane(case: Case, lane: Lane) -> Self {
        Self { lane: Some(lane), ..Self::first(case) }
    }

    /// The attempt that follows this one.
    pub(super) fn next_attempt(self) -> Self {
        Self { attempt: self.attempt + 1, progress: AttemptProgress::Waiting, ..self }
    }

    pub(super) fn case(&self) -> &Case {
        &self.case
    }

    pub(super) fn lane(&self) -> Option<Lane> {
        self.lane
    }

    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The case, for a schedule that it returns to.
    pub(super) fn into_case(self) -> Case {
        self.case
    }

    /// The case as the worker receives it. Under cargo-nextest another process may have made attempts before.
    pub(super) fn turn(&self, earlier_attempts: u32) -> Turn {
        let attempt = earlier_attempts.saturating_add(self.attempt);
        Turn { case: self.case.index, attempt, round: self.case.round }
    }

    /// Whether another attempt may follow this one. A step of a script runs once, because its lane goes on after it.
    pub(super) fn may_be_retried(&self, retries: u32) -> bool {
        self.lane.is_none() && self.attempt <= self.case.meta.retries.unwrap_or(retries)
    }

    /// Whether other work waits for the resources of this attempt: tests that need its locks, or its own next attempt.
    pub(super) fn is_waited_for(&self, retries: u32) -> bool {
        !self.case.locks.is_empty() || self.attempt <= self.case.meta.retries.unwrap_or(retries)
    }

    /// When the attempt began to run, if it has.
    pub(super) fn since(&self) -> Option<Instant> {
        match self.progress {
            AttemptProgress::Waiting => None,
            AttemptProgress::Running { since } | AttemptProgress::ReportedAsSlow { since } => Some(since),
        }
    }

    /// Notes that the attempt runs now. Returns whether it did not run before.
    pub(super) fn start(&mut self) -> bool {
        let is_new = matches!(self.progress, AttemptProgress::Waiting);
        if is_new {
            self.progress = AttemptProgress::Running { since: Instant::now() };
        }
        is_new
    }

    /// Notes that an event names the attempt as slow. Returns whether no event has done so before.
    pub(super) fn report_as_slow(&mut self) -> bool {
        let AttemptProgress::Running { since } = self.progress else { return false };
        self.progress = AttemptProgress::ReportedAsSlow { since };
        true
    }

    /// Takes a pause of the whole run out of the attempt's time.
    pub(super) fn pause(&mut self, paused: Duration) {
        match &mut self.progress {
            AttemptProgress::Waiting => {}
            AttemptProgress::Running { since } | AttemptProgress::ReportedAsSlow { since } => *since += paused,
        }
    }

    /// The report of a case that ends with this attempt. `began` is the start of the run.
    pub(super) fn report(&self, worker: WorkerId, began: Instant, report: AttemptReport, output: Output) -> CaseReport {
        let since = self.since();
        let elapsed = match report.elapsed() {
            // A worker that died has reported no times.
            Duration::ZERO => since.map_or(Duration::ZERO, |since| since.elapsed()),
            elapsed => elapsed,
        };
        let is_flaky = self.attempt > 1 && report.outcome == Outcome::Passed;
        let outcome = if is_flaky { Outcome::Flaky } else { report.outcome };
        CaseReport {
            id: self.case.id.clone(),
            location: self.case.location.clone(),
            worker,
            lane: self.lane,
            attempts: self.attempt,
            report: AttemptReport { outcome, ..report },
            output,
            started: since.map_or(Duration::ZERO, |since| since.saturating_duration_since(began)),
            elapsed,
            quarantine: None,
        }
    }
}
