//! The events of a run: the only thing reporters see.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::{FlakyResult, Order, Repeats};
use super::duration::micros;
use super::facts::Facts;
use super::id::{Seed, TestId, WorkerId};
use super::outcome::{CaseReport, Outcome, Phase};
use super::remark::Remark;
use super::session::Sweep;

/// A case that is running at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Its name.
    pub id: TestId,
    /// How long it has been running.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// Where it is.
    pub phase: Option<Phase>,
}

/// A finished case and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// Its name.
    pub id: TestId,
    /// From dispatch to the end of teardown.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Cases that passed, flaky ones included.
    pub passed: usize,
    /// Cases that passed only after another attempt.
    pub flaky: usize,
    /// What the flaky ones mean for the run.
    #[serde(default)]
    pub flaky_result: FlakyResult,
    /// Cases that failed, errored, timed out or crashed.
    pub failed: usize,
    /// Cases left out by `ignore`, those that skipped themselves, and those whose failures are borne.
    pub ignored: usize,
    /// Cases that failed in quarantine.
    #[serde(default)]
    pub quarantined: usize,
    /// Cases that the selection left out.
    #[serde(default)]
    pub filtered_out: usize,
    /// Cases that were never started, because the run stopped early.
    #[serde(default)]
    pub not_run: usize,
    /// The signal that ended the run.
    #[serde(default)]
    pub interrupted_by: Option<Cow<'static, str>>,
    /// The slowest cases, slowest first, at most five.
    #[serde(default)]
    pub slowest: Vec<Timing>,
    /// The length of the run.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// Resources that processes which died had left, and that were given back for them.
    #[serde(default)]
    pub given_back: usize,
    /// How many rounds have begun.
    #[serde(default)]
    pub rounds: u32,
    /// What session fixtures say of themselves, such as which server the run used.
    #[serde(default)]
    pub used: Vec<String>,
    /// What cost time, and why; it makes no run fail.
    #[serde(default)]
    pub remarks: Vec<Remark>,
    /// What earlier runs had left that were killed.
    #[serde(default)]
    pub swept: Sweep,
    /// What went wrong beside the tests, such as the teardown of worker fixtures.
    #[serde(default)]
    pub problems: Vec<String>,
}

impl Summary {
    /// Whether the run is green.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        let flaky_fail = self.flaky > 0 && self.flaky_result == FlakyResult::Fail;
        self.failed == 0 && !flaky_fail && self.interrupted_by.is_none() && self.problems.is_empty()
    }

    /// Makes the run red, as its record says that it was, where nothing else that was read says so. The reason may be one that only the
    /// version knows that wrote the record.
    pub(crate) fn fail_as_recorded(&mut self) {
        if !self.is_success() {
            return;
        }
        if self.flaky > 0 {
            // Records did not always say what flaky tests meant for the run, and this is all that can have made it red.
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

/// Something that happened, in the order in which it happened.
///
/// Its serde form is the format of `--format json` and of records: a new field needs a default, a new event a name in [`Self::NAMES`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub(crate) enum Event {
    /// The run begins.
    RunStarted {
        /// Cases that will run or be shown as ignored.
        selected: usize,
        /// How often all of them run.
        #[serde(default, skip_serializing_if = "Repeats::is_none")]
        repeats: Repeats,
        /// The order.
        order: Order,
        /// The seed.
        seed: Seed,
        /// Workers at a time.
        jobs: usize,
        /// What else is known of it.
        #[serde(flatten)]
        facts: Facts,
    },
    /// A case was left out by its own `ignore`.
    CaseIgnored {
        /// The case.
        id: TestId,
        /// The reason given in the source.
        #[serde(default)]
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
        /// The cases that run, by worker.
        running: Vec<Running>,
        /// Cases that have ended.
        finished: usize,
        /// Cases that failed so far.
        failed: usize,
    },
    /// Something is not as it should be, and the run goes on.
    Warning(#[serde(with = "message")] String),
    /// A signal asked the run to end.
    Interrupting {
        /// Its name.
        signal: Cow<'static, str>,
        /// What was running.
        running: Vec<TestId>,
    },
    /// The run is over.
    RunFinished(Summary),
}

impl Event {
    /// The names of all events in their serde form. An event of another name is one of a later version, and is passed over.
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

/// A text as the one field of an object.
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
