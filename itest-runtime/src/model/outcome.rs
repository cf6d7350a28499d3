//! How a case ended, and why.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::case::SourceLocation;
use super::config::Leaks;
use super::id::{CaseIndex, TestId, WorkerId};
use super::quarantine::Quarantine;

/// A stretch of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Fixtures are made.
    Setup,
    /// The body up to `#[act]`.
    Arrange,
    /// The step under test.
    Act,
    /// The claims about its effects.
    Assert,
    /// The whole body of a test that marks no phases.
    Body,
    /// Everything is given back.
    Teardown,
}

impl Phase {
    /// All phases; their positions here are their numbers.
    pub(crate) const ALL: [Self; 6] = [Self::Setup, Self::Arrange, Self::Act, Self::Assert, Self::Body, Self::Teardown];

    /// A number for places where names are too long.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The phase of a number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The phase's name in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Arrange => "arrange",
            Self::Act => "act",
            Self::Assert => "assert",
            Self::Body => "test body",
            Self::Teardown => "teardown",
        }
    }

    /// The outcome of a failure in this phase: what the test claims, or what it needs.
    #[must_use]
    pub fn failure_outcome(self) -> Outcome {
        match self {
            Self::Act | Self::Assert | Self::Body => Outcome::Failed,
            Self::Setup | Self::Arrange | Self::Teardown => Outcome::Errored,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How an attempt or a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every claim held and everything was given back.
    Passed,
    /// Passed, but only after another attempt.
    Flaky,
    /// A claim did not hold (act, assert, or an unmarked body).
    Failed,
    /// What the test needs did not work (setup, arrange, teardown).
    Errored,
    /// A phase overran its budget and was ended.
    TimedOut,
    /// The process running the test died.
    Crashed,
    /// The test asked to be skipped.
    Skipped,
    /// The run was ended by a signal while the test ran.
    Interrupted,
}

impl Outcome {
    /// Whether a run with this outcome in it is green.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Passed | Self::Flaky | Self::Skipped)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::TimedOut => "timed out",
            Self::Crashed => "crashed",
            Self::Skipped => "skipped",
            Self::Interrupted => "interrupted",
        })
    }
}

/// One phase of an attempt and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseTime {
    /// Which phase.
    pub phase: Phase,
    /// The words of `#[act("words")]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its length.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
}

/// Something that went wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What happened, possibly over several lines.
    pub message: String,
    /// The line of source it happened on, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<SourceLocation>,
    /// The call stack, when `RUST_BACKTRACE` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
}

impl Problem {
    /// A problem that is nothing but its message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None, backtrace: None }
    }
}

/// A problem and the phase that it is attributed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The phase.
    pub phase: Phase,
    /// The words of the phase's attribute, or the teardown step's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What went wrong.
    #[serde(flatten)]
    pub problem: Problem,
}

/// What a worker says of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptReport {
    /// The case that was run.
    pub case: CaseIndex,
    /// Which of its worker's attempts this was, counted from 0: a case may run many times in one worker.
    #[serde(default)]
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The phases it went through, in order.
    pub phases: Vec<PhaseTime>,
    /// Everything that went wrong; the first one decided the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// Whether another attempt could end otherwise.
    #[serde(default)]
    pub prospects: Prospects,
    /// What was left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<String>,
    /// What was not given back, because somebody wants to look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// The resources of a failed test that were kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The process that keeps them; `SIGTERM` makes it give them back.
    pub process: u32,
    /// The steps of teardown that were not taken, the next one first.
    pub steps: Vec<String>,
}

/// Whether another attempt could end otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Prospects {
    /// Nobody knows.
    #[default]
    Open,
    /// What failed is made once in a run, and told to everyone who asks.
    None,
}

impl AttemptReport {
    /// All phases together.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.phases.iter().map(|phase| phase.elapsed).sum()
    }

    /// Notes that what was to be kept was given back, and why.
    pub(crate) fn cannot_keep(&mut self, reason: &str) {
        self.kept = None;
        let problem = Problem::new(format!("what the test has taken cannot be kept, and was given back: {reason}"));
        self.failures.push(Failure { phase: Phase::Teardown, description: None, problem });
    }

    /// Notes what the test left behind.
    pub(crate) fn add_leaks(&mut self, told: Vec<String>, policy: Leaks) {
        if policy == Leaks::Fail && !told.is_empty() {
            if self.outcome.is_success() {
                self.outcome = Outcome::Errored;
            }
            let problem = Problem::new(format!("left behind: {}", told.join(", ")));
            self.failures.push(Failure { phase: Phase::Teardown, description: None, problem });
        }
        self.leaks = told;
    }

    /// An attempt that the end of the run cut off.
    #[must_use]
    pub(crate) fn interrupted(case: CaseIndex) -> Self {
        Self {
            case,
            number: 0,
            outcome: Outcome::Interrupted,
            phases: Vec::new(),
            failures: Vec::new(),
            skip_reason: None,
            prospects: Prospects::Open,
            leaks: Vec::new(),
            kept: None,
        }
    }
}

/// What a test and its children wrote, byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    /// File descriptor 1.
    pub stdout: Vec<u8>,
    /// File descriptor 2.
    pub stderr: Vec<u8>,
}

/// The end of a case, as reporters see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseReport {
    /// Its name.
    pub id: TestId,
    /// Where the test stands.
    pub location: SourceLocation,
    /// The worker that ran the last attempt.
    pub worker: WorkerId,
    /// How many attempts it took, counted from 1.
    pub attempts: u32,
    /// The last attempt; its outcome is the case's.
    pub report: AttemptReport,
    /// What the last attempt wrote.
    pub output: Output,
    /// When the last attempt began, since the beginning of the run.
    pub started: Duration,
    /// From dispatch to the end of teardown, last attempt.
    pub elapsed: Duration,
    /// Why its failure is borne, if it failed and that is so.
    pub quarantine: Option<Quarantine>,
}

impl CaseReport {
    /// Whether a run with this case in it is green.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        self.report.outcome.is_success() || self.quarantine.is_some()
    }
}

/// Durations as whole microseconds.
mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_micros)
    }
}
