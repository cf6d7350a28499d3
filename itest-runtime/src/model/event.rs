//! The events of a run: the only thing reporters see.

use std::borrow::Cow;
use std::time::Duration;

use super::config::{FlakyResult, Order, Repeats};
use super::facts::Facts;
use super::id::{Seed, TestId, WorkerId};
use super::outcome::{CaseReport, Outcome, Phase};
use super::session::Sweep;

/// A case that is running at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its name.
    pub id: TestId,
    /// How long it has been running.
    pub elapsed: Duration,
    /// Where it is.
    pub phase: Option<Phase>,
}

/// A finished case and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timing {
    /// Its name.
    pub id: TestId,
    /// From dispatch to the end of teardown.
    pub elapsed: Duration,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Cases that passed, flaky ones included.
    pub passed: usize,
    /// Cases that passed only after another attempt.
    pub flaky: usize,
    /// What the flaky ones mean for the run.
    pub flaky_result: FlakyResult,
    /// Cases that failed, errored, timed out or crashed.
    pub failed: usize,
    /// Cases left out by `ignore`, those that skipped themselves, and those whose failures are borne.
    pub ignored: usize,
    /// Cases that failed in quarantine.
    pub quarantined: usize,
    /// Cases that the selection left out.
    pub filtered_out: usize,
    /// Cases that were never started, because the run stopped early.
    pub not_run: usize,
    /// The signal that ended the run.
    pub interrupted_by: Option<Cow<'static, str>>,
    /// The slowest cases, slowest first, at most five.
    pub slowest: Vec<Timing>,
    /// The length of the run.
    pub elapsed: Duration,
    /// Resources that processes which died had left, and that were given back for them.
    pub given_back: usize,
    /// How many rounds have begun.
    pub rounds: u32,
    /// What session fixtures say of themselves, such as which server the run used.
    pub used: Vec<String>,
    /// What earlier runs had left that were killed.
    pub swept: Sweep,
    /// What went wrong beside the tests, such as the teardown of worker fixtures.
    pub problems: Vec<String>,
}

impl Summary {
    /// Whether the run is green.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        let flaky_fail = self.flaky > 0 && self.flaky_result == FlakyResult::Fail;
        self.failed == 0 && !flaky_fail && self.interrupted_by.is_none() && self.problems.is_empty()
    }

    /// Counts a finished case.
    pub(crate) fn count(&mut self, report: &CaseReport) {
        match report.report.outcome {
            _ if report.quarantine.is_some() => {
                self.ignored += 1;
                self.quarantined += 1;
            }
            Outcome::Passed => self.passed += 1,
            Outcome::Flaky => {
                self.passed += 1;
                self.flaky += 1;
            }
            Outcome::Skipped => self.ignored += 1,
            Outcome::Interrupted => self.not_run += 1,
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
                self.failed += 1;
            }
        }
        let at = self.slowest.partition_point(|slower| slower.elapsed >= report.elapsed);
        if at < 5 {
            self.slowest.insert(at, Timing { id: report.id.clone(), elapsed: report.elapsed });
            self.slowest.truncate(5);
        }
    }
}

/// Something that happened, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Event {
    /// The run begins.
    RunStarted {
        /// Cases that will run or be shown as ignored.
        selected: usize,
        /// How often all of them run.
        repeats: Repeats,
        /// The order.
        order: Order,
        /// The seed.
        seed: Seed,
        /// Workers at a time.
        jobs: usize,
        /// What else is known of it.
        facts: Facts,
    },
    /// A case was left out by its own `ignore`.
    CaseIgnored {
        /// The case.
        id: TestId,
        /// The reason given in the source.
        reason: Cow<'static, str>,
    },
    /// A case was handed to a worker.
    CaseStarted {
        /// The case.
        id: TestId,
        /// The worker.
        worker: WorkerId,
        /// Counted from 1.
        attempt: u32,
    },
    /// A case has been running for longer than it should.
    CaseSlow(Running),
    /// An attempt failed and another one follows.
    CaseRetried(CaseReport),
    /// A case ended for good.
    CaseFinished(CaseReport),
    /// What is running now; emitted a few times a second, for terminals.
    Progress {
        /// The cases in the workers' hands that have started.
        running: Vec<Running>,
        /// Cases that have ended.
        finished: usize,
        /// Cases that failed so far.
        failed: usize,
    },
    /// Something is not as it should be, and the run goes on.
    Warning(String),
    /// A signal asked the run to end.
    Interrupting {
        /// Its name.
        signal: &'static str,
        /// What was running.
        running: Vec<TestId>,
    },
    /// The run is over.
    RunFinished(Summary),
}
