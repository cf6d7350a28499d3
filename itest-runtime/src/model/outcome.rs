//! How a case ended, and why.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::case::SourceLocation;
use super::config::Leaks;
use super::duration::micros;
use super::id::{CaseIndex, TestId, WorkerId};
use super::note::Note;
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
    /// The thread or task that panicked, in words, where that is not the test's own stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
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
    /// What fixtures report about the test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
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

impl Failure {
    /// A failure in a phase that nothing more is known of.
    #[must_use]
    pub(crate) fn new(phase: Phase, problem: Problem) -> Self {
        Self { phase, description: None, thread: None, problem }
    }
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
        self.failures.push(Failure::new(Phase::Teardown, problem));
    }

    /// Notes what the test left behind.
    pub(crate) fn add_leaks(&mut self, told: Vec<String>, policy: Leaks) {
        if policy == Leaks::Fail && !told.is_empty() {
            if self.outcome.is_success() {
                self.outcome = Outcome::Errored;
            }
            let problem = Problem::new(format!("left behind: {}", told.join(", ")));
            self.failures.push(Failure::new(Phase::Teardown, problem));
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
            notes: Vec::new(),
            kept: None,
        }
    }
}

/// The part of an attempt's report that events tell; the rest is between a worker and its supervisor.
#[derive(Serialize, Deserialize)]
#[serde(remote = "AttemptReport")]
struct AttemptInEvent {
    #[serde(skip, default = "AttemptInEvent::no_case")]
    case: CaseIndex,
    #[serde(skip)]
    number: u32,
    outcome: Outcome,
    #[serde(default)]
    phases: Vec<PhaseTime>,
    #[serde(default)]
    failures: Vec<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip_reason: Option<String>,
    #[serde(skip)]
    prospects: Prospects,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaks: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<Note>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<Kept>,
}

impl AttemptInEvent {
    fn no_case() -> CaseIndex {
        CaseIndex(0)
    }
}

/// What a test and its children wrote, byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenOutput<'static>")]
pub(crate) struct Output {
    /// File descriptor 1.
    pub stdout: Vec<u8>,
    /// File descriptor 2.
    pub stderr: Vec<u8>,
}

/// Output as events tell it. Bytes that are no text are not bent into text: they are told as numbers, under another name.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct WrittenOutput<'o> {
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<Cow<'o, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_bytes: Option<Cow<'o, [u8]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_bytes: Option<Cow<'o, [u8]>>,
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (stdout, stderr) = (std::str::from_utf8(&self.stdout), std::str::from_utf8(&self.stderr));
        WrittenOutput {
            stdout_bytes: stdout.is_err().then_some(Cow::Borrowed(&self.stdout)),
            stderr_bytes: stderr.is_err().then_some(Cow::Borrowed(&self.stderr)),
            stdout: stdout.ok().filter(|text| !text.is_empty()).map(Cow::Borrowed),
            stderr: stderr.ok().filter(|text| !text.is_empty()).map(Cow::Borrowed),
        }
        .serialize(to)
    }
}

impl From<WrittenOutput<'static>> for Output {
    fn from(written: WrittenOutput<'static>) -> Self {
        let bytes = |text: Option<Cow<'static, str>>, bytes: Option<Cow<'static, [u8]>>| match bytes {
            Some(bytes) => bytes.into_owned(),
            None => text.unwrap_or_default().into_owned().into_bytes(),
        };
        Self {
            stdout: bytes(written.stdout, written.stdout_bytes),
            stderr: bytes(written.stderr, written.stderr_bytes),
        }
    }
}

/// The end of a case, as reporters see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CaseReport {
    /// Its name.
    pub id: TestId,
    /// Where the test stands.
    pub location: SourceLocation,
    /// The worker that ran the last attempt.
    pub worker: WorkerId,
    /// How many attempts it took, counted from 1.
    #[serde(rename = "attempt")]
    pub attempts: u32,
    /// The last attempt; its outcome is the case's.
    #[serde(flatten, with = "AttemptInEvent")]
    pub report: AttemptReport,
    /// What the last attempt wrote.
    #[serde(flatten)]
    pub output: Output,
    /// When the last attempt began, since the beginning of the run.
    #[serde(rename = "started_us", with = "micros", default)]
    pub started: Duration,
    /// From dispatch to the end of teardown, last attempt.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// Why its failure is borne, if it failed and that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
}

impl CaseReport {
    /// Whether a run with this case in it is green.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        self.report.outcome.is_success() || self.quarantine.is_some()
    }
}
