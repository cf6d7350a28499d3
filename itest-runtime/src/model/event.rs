//! The events of a run. They are the only input of reporters.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::attempt::CaseReport;
use super::config::{FlakyResult, Order, Repeats};
use super::duration::micros;
use super::facts::Facts;
use super::id::{Seed, TestId, WorkerId};
use super::outcome::{Outcome, Phase};
use super::remark::Remark;
use super::session::Sweep;

/// A case that is running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// The name of the case.
    pub id: TestId,
    /// The time since the case was started.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// The current phase, if it is known.
    pub phase: Option<Phase>,
}

/// A finished case and its duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// The name of the case.
    pub id: TestId,
    /// The time from dispatch to the end of teardown.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
}

/// The summary of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The number of cases that passed, flaky ones included.
    pub passed: usize,
    /// The number of cases that passed only after another attempt.
    pub flaky: usize,
    /// Whether flaky cases fail the run.
    #[serde(default)]
    pub flaky_result: FlakyResult,
    /// The number of cases that failed, errored, timed out or crashed.
    pub failed: usize,
    /// The number of cases with the attribute argument `ignore`, cases that skipped themselves, and cases that failed in quarantine.
    pub ignored: usize,
    /// The number of cases that failed in quarantine.
    #[serde(default)]
    pub quarantined: usize,
    /// The number of cases that are not selected.
    #[serde(default)]
    pub filtered_out: usize,
    /// The number of cases that were not finished, because the run stopped early.
    #[serde(default)]
    pub not_run: usize,
    /// The signal that ended the run.
    #[serde(default)]
    pub interrupted_by: Option<Cow<'static, str>>,
    /// The slowest cases, at most five, the slowest first.
    #[serde(default)]
    pub slowest: Vec<Timing>,
    /// The duration of the run.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// The number of resources that were given back on behalf of processes that died.
    #[serde(default)]
    pub given_back: usize,
    /// The number of rounds that have begun.
    #[serde(default)]
    pub rounds: u32,
    /// The descriptions that session fixtures give of themselves, such as the server that the run used.
    #[serde(default)]
    pub used: Vec<String>,
    /// Remarks about events that cost time. They do not fail the run.
    #[serde(default)]
    pub remarks: Vec<Remark>,
    /// The result of cleaning up after earlier runs that were killed.
    #[serde(default)]
    pub swept: Sweep,
    /// Problems outside of tests, such as a failed teardown of worker fixtures. They fail the run.
    #[serde(default)]
    pub problems: Vec<String>,
}

impl Summary {
    /// Whether the run has passed.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        let flaky_fail = self.flaky > 0 && self.flaky_result == FlakyResult::Fail;
        self.failed == 0 && !flaky_fail && self.interrupted_by.is_none() && self.problems.is_empty()
    }

    /// Fails the run because its record says that it failed, although no other field read from the record says so. The version of itest that
    /// wrote the record may know reasons that this version does not know.
    pub(crate) fn fail_as_recorded(&mut self) {
        if !self.is_success() {
            return;
        }
        if self.flaky > 0 {
            // Old records do not have `flaky_result`, and only flaky tests can have failed such a run.
            self.flaky_result = FlakyResult::Fail;
        } else {
            self.problems.push("the record says that the run failed, and does not say why".to_owned());
        }
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

/// An event of a run. Events are emitted in the order in which they happen.
///
/// The serde form is the format of `--format json` and of records. A new field therefore needs a default, and a new event needs a name in
/// [`Self::NAMES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub(crate) enum Event {
    /// The run has begun.
    RunStarted {
        /// The number of cases that will run or be reported as ignored.
        selected: usize,
        /// How often the selected cases run.
        #[serde(default, skip_serializing_if = "Repeats::is_none")]
        repeats: Repeats,
        /// The order in which the cases start.
        order: Order,
        /// The seed.
        seed: Seed,
        /// The number of workers that run at the same time.
        jobs: usize,
        /// The description of the run and its environment.
        #[serde(flatten)]
        facts: Facts,
    },
    /// A case was not run because its attribute has the argument `ignore`.
    CaseIgnored {
        /// The case.
        id: TestId,
        /// The reason given in the source.
        #[serde(default)]
        reason: Cow<'static, str>,
    },
    /// A case was assigned to a worker.
    CaseStarted {
        /// The case.
        id: TestId,
        /// The worker.
        worker: WorkerId,
        /// The number of the attempt, counted from 1.
        attempt: u32,
    },
    /// A case has been running for longer than the limit for slow tests.
    CaseSlow(Running),
    /// An attempt failed, and another attempt follows.
    CaseRetried(CaseReport),
    /// A case has finished, and no further attempt follows.
    CaseFinished(CaseReport),
    /// The progress of the run. It is emitted a few times a second, for terminals.
    Progress {
        /// The running cases, by worker.
        running: Vec<Running>,
        /// The number of finished cases.
        finished: usize,
        /// The number of cases that failed so far.
        failed: usize,
    },
    /// A problem that does not stop the run.
    Warning(#[serde(with = "message")] String),
    /// A signal has requested the end of the run.
    Interrupting {
        /// The name of the signal.
        signal: Cow<'static, str>,
        /// The cases that were running.
        running: Vec<TestId>,
    },
    /// The run is over.
    RunFinished(Summary),
}

impl Event {
    /// The names of all events in their serde form. An event with another name comes from a later version and is ignored.
    pub(crate) const NAMES: [&str; 10] = [
        "run_started",
        "case_ignored",
        "case_started",
        "case_slow",
        "case_retried",
        "case_finished",
        "progress",
        "warning",
        "interrupting",
        "run_finished",
    ];
}

/// Serializes a text as an object with the single field `message`.
mod message {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Message<'m> {
        message: Cow<'m, str>,
    }

    pub(super) fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
        Message { message: text.into() }.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        Message::deserialize(from).map(|Message { message }| message.into_owned())
    }
}
