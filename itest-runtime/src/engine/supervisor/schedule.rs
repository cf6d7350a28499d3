//! Which case runs next: the order of the run or its script, the locks, and the pauses before retries.

use std::time::{Duration, Instant};

use super::assignment::Assignment;
use super::retries::{PendingRetries, PendingRetry};
use crate::model::{Case, CaseReport, Lane, Lock, Order, Place, Repeats, Seed};
use crate::plan::{Admission, Rounds, Script, batch_size};

/// The cases of a run that have not begun, and those that wait for another attempt.
#[derive(Debug)]
pub(super) struct Schedule {
    source: Source,
    retries: PendingRetries,
    /// After this time no new round begins.
    lasting: Option<Duration>,
    began: Instant,
    /// A running mean of the durations of attempts.
    mean_duration: Option<Duration>,
    is_stopped: bool,
}

/// Where the cases come from.
#[derive(Debug)]
enum Source {
    /// Any worker takes the next case whose locks are free.
    Queue { admission: Admission, rounds: Rounds },
    /// Each step runs in the worker of its lane.
    Script(Script),
}

impl Schedule {
    /// Schedules these cases by their places, or in their order if they have no places.
    pub(super) fn new(cases: Vec<Case>, places: Vec<Place>, order: Order, seed: Seed, repeats: Repeats) -> Self {
        let source = if places.is_empty() {
            let rounds = Rounds::after(&cases, order, seed, repeats.last());
            Source::Queue { admission: Admission::new(cases), rounds }
        } else {
            Source::Script(Script::new(cases, places, repeats.last()))
        };
        Self {
            source,
            retries: PendingRetries::default(),
            lasting: repeats.lasting,
            began: Instant::now(),
            mean_duration: None,
            is_stopped: false,
        }
    }

    /// When the run began.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Every lock that a case of the run needs.
    pub(super) fn all_locks(&self) -> Vec<Lock> {
        match &self.source {
            Source::Queue { admission, .. } => admission.all_locks(),
            Source::Script(script) => script.all_locks(),
        }
    }

    pub(super) fn rounds_begun(&self) -> u32 {
        match &self.source {
            Source::Queue { rounds, .. } => rounds.begun(),
            Source::Script(script) => script.begun(),
        }
    }

    pub(super) fn is_scripted(&self) -> bool {
        matches!(self.source, Source::Script(_))
    }

    /// The number of cases that wait for their first attempt.
    pub(super) fn waiting(&self) -> usize {
        match &self.source {
            Source::Queue { admission, .. } => admission.waiting(),
            Source::Script(script) => script.waiting(),
        }
    }

    /// Whether a worker without assignments is not needed any more.
    pub(super) fn is_over_for(&self, lane: Option<Lane>) -> bool {
        match (&self.source, lane) {
            _ if self.is_stopped => true,
            (Source::Script(script), Some(lane)) => script.is_over(lane),
            _ => self.waiting() == 0,
        }
    }

    /// Begins the next round, if all cases of this one have been taken. A round of a script also waits until no worker runs, because
    /// each round has workers of its own. In a run without a script a case may run beside its own next round.
    pub(super) fn begin_round(&mut self, running_workers: usize) {
        let is_time_up = self.lasting.is_some_and(|lasting| self.began.elapsed() >= lasting);
        if is_time_up || self.waiting() > 0 {
            return;
        }
        match &mut self.source {
            Source::Queue { admission, rounds } => {
                if let Some(round) = rounds.next() {
                    admission.extend(round);
                }
            }
            Source::Script(script) if running_workers == 0 => script.begin_round(),
            Source::Script(_) => {}
        }
    }

    /// The next step of the script, if it may begin now.
    pub(super) fn next_step(&mut self) -> Option<(Case, Lane)> {
        match &mut self.source {
            Source::Script(script) => script.next(),
            Source::Queue { .. } => None,
        }
    }

    /// The next case whose locks are free, for a worker that runs nothing.
    pub(super) fn next_case(&mut self) -> Option<Case> {
        match &mut self.source {
            Source::Queue { admission, .. } => admission.next(),
            Source::Script(_) => None,
        }
    }

    /// The next case, if it needs no lock: a worker may hold such a case while it runs another one.
    pub(super) fn next_case_without_locks(&mut self) -> Option<Case> {
        match &mut self.source {
            Source::Queue { admission, .. } => admission.next_without_locks(),
            Source::Script(_) => None,
        }
    }

    /// How many cases a worker may hold, the running one included.
    pub(super) fn batch_size(&self, workers: usize) -> usize {
        batch_size(self.mean_duration, self.waiting(), workers)
    }

    /// Puts cases back at the front that a worker was given and has not begun, in their order.
    pub(super) fn put_back(&mut self, assignments: Vec<Assignment>) {
        for assigned in assignments.into_iter().rev() {
            match (&mut self.source, assigned.lane()) {
                (Source::Script(script), Some(lane)) => script.put_back(lane, assigned.into_case()),
                (Source::Queue { admission, .. }, _) => admission.put_back(assigned.into_case()),
                (Source::Script(_), None) => {}
            }
        }
    }

    /// Frees the locks of a case that has ended for good.
    pub(super) fn finish(&mut self, assigned: &Assignment) {
        match (&mut self.source, assigned.lane()) {
            (Source::Script(script), Some(lane)) => script.finish(lane),
            (Source::Queue { admission, .. }, _) => admission.finish(assigned.case()),
            (Source::Script(_), None) => {}
        }
    }

    /// Learns how long an attempt took: the next batches are sized by it.
    pub(super) fn observe(&mut self, duration: Duration) {
        self.mean_duration = Some(self.mean_duration.map_or(duration, |mean| (mean + duration) / 2));
    }

    /// Whether the run begins no more cases.
    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Begins no more cases. Returns how many waited.
    pub(super) fn stop(&mut self) -> usize {
        self.is_stopped = true;
        match &mut self.source {
            Source::Queue { admission, .. } => admission.drain().len(),
            Source::Script(script) => script.drain(),
        }
    }

    /// Lets a case wait for its next attempt.
    pub(super) fn add_retry(&mut self, failed: Assignment, report: CaseReport, pause: Duration) {
        self.retries.add(failed, report, pause);
    }

    pub(super) fn has_retries(&self) -> bool {
        !self.retries.is_empty()
    }

    pub(super) fn is_any_retry_due(&self) -> bool {
        self.retries.is_any_due()
    }

    pub(super) fn take_due_retry(&mut self) -> Option<PendingRetry> {
        self.retries.take_due()
    }

    /// Takes all cases that wait for another attempt, because there will be none.
    pub(super) fn take_retries(&mut self) -> Vec<PendingRetry> {
        self.retries.take_all()
    }

    /// Takes a pause of the whole run out of the pauses before retries.
    pub(super) fn pause(&mut self, paused: Duration) {
        self.retries.delay(paused);
    }

    /// Returns when the next retry is due, and never if none waits.
    pub(super) fn next_retry(&self) -> impl Future<Output = ()> + use<> {
        let due = self.retries.next_due();
        async move {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        }
    }
}
