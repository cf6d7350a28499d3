//! The reports about attempts and cases.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::call_plan::CallObservations;
use super::case::SourceLocation;
use super::config::Leaks;
use super::duration::micros;
use super::exchange::Exchange;
use super::id::{CaseIndex, TestId, WorkerId};
use super::note::Note;
use super::outcome::{Outcome, Phase};
use super::quarantine::Quarantine;
use super::script::Lane;

/// One phase of an attempt and its duration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// The description in the phase's attribute: `text` in `#[act("text")]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The duration of the phase.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
}

/// A description of something that went wrong, and its location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The message. It may have several lines.
    pub message: String,
    /// The location in the source, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<SourceLocation>,
    /// The call stack, if `RUST_BACKTRACE` requests it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
}

impl Problem {
    /// Creates a problem that has only a message.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None, backtrace: None }
    }
}

/// A problem and the phase in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The phase.
    pub phase: Phase,
    /// The description in the phase's attribute, or the name of the teardown step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The description of the thread or task that panicked, if the panic was not on the test's own stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
}

/// A worker's report about one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptReport {
    /// The case.
    pub case: CaseIndex,
    /// The number of the attempt in its worker, counted from 0. It identifies the attempt, because a case may run many times in one worker.
    #[serde(default)]
    pub number: u32,
    /// The outcome.
    pub outcome: Outcome,
    /// The phases of the attempt, in order.
    pub phases: Vec<PhaseTime>,
    /// All failures. The first one determined the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// The reason why the test was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// Whether another attempt could have a different outcome.
    #[serde(default)]
    pub prospects: Prospects,
    /// The descriptions of what the test left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<String>,
    /// The notes that fixtures have added about the test.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// The last exchanges that the endpoints of the test saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// What was observed of the calls of the code under test, if the run observes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Box<CallObservations>>,
    /// The resources that were kept for the user to inspect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptResources>,
}

/// The resources of a failed test that were kept for the user to inspect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptResources {
    /// The id of the process that keeps the resources. It gives them back when it receives `SIGTERM`.
    pub process: u32,
    /// The names of the teardown steps that have not run, the next one first.
    pub steps: Vec<String>,
}

/// Whether another attempt could have a different outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Prospects {
    /// A different outcome is possible.
    #[default]
    Open,
    /// The setup of a session fixture failed. It runs only once in a run, so that the next attempt would receive the same error.
    None,
}

impl Failure {
    /// Creates a failure without a description and a thread.
    #[must_use]
    pub(crate) fn new(phase: Phase, problem: Problem) -> Self {
        Self { phase, description: None, thread: None, problem }
    }
}

impl AttemptReport {
    /// The duration of all phases together.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.phases.iter().map(|phase| phase.elapsed).sum()
    }

    /// Adds a failure because resources that should be kept were given back, for this reason.
    pub(crate) fn cannot_keep(&mut self, reason: &str) {
        self.kept = None;
        let problem = Problem::new(format!("what the test has taken cannot be kept, and was given back: {reason}"));
        self.failures.push(Failure::new(Phase::Teardown, problem));
    }

    /// Adds the descriptions of what the test left behind. Under the policy `Fail`, they fail the attempt.
    pub(crate) fn add_leaks(&mut self, leaks: Vec<String>, policy: Leaks) {
        self.leaks.extend(leaks);
        if policy == Leaks::Fail && !self.leaks.is_empty() {
            if self.outcome.is_success() {
                self.outcome = Outcome::Errored;
            }
            let problem = Problem::new(format!("left behind: {}", self.leaks.join(", ")));
            self.failures.push(Failure::new(Phase::Teardown, problem));
        }
    }

    /// The report of an attempt that was interrupted by the end of the run.
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
            exchanges: Vec::new(),
            calls: None,
            kept: None,
        }
    }
}

/// The part of an attempt's report that is in events. The skipped fields are only for the supervisor.
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exchanges: Vec<Exchange>,
    #[serde(skip)]
    calls: Option<Box<CallObservations>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<KeptResources>,
}

impl AttemptInEvent {
    fn no_case() -> CaseIndex {
        CaseIndex(0)
    }
}

/// The output of a test and its child processes, byte for byte.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenOutput<'static>")]
pub(crate) struct Output {
    /// The output to file descriptor 1.
    pub stdout: Vec<u8>,
    /// The output to file descriptor 2.
    pub stderr: Vec<u8>,
}

/// The serialized form of output in events. Output that is not valid UTF-8 is written as numbers in a separate field, so that no byte is
/// lost.
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

/// The report about a finished case or attempt, for reporters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CaseReport {
    /// The name of the case.
    pub id: TestId,
    /// The location of the test in the source.
    pub location: SourceLocation,
    /// The worker that ran the last attempt.
    pub worker: WorkerId,
    /// The lane of the script that the last attempt belongs to.
    #[serde(skip)]
    pub lane: Option<Lane>,
    /// The number of attempts.
    #[serde(rename = "attempt")]
    pub attempts: u32,
    /// The report of the last attempt. Its outcome is the outcome of the case.
    #[serde(flatten, with = "AttemptInEvent")]
    pub report: AttemptReport,
    /// The output of the last attempt.
    #[serde(flatten)]
    pub output: Output,
    /// The start of the last attempt, as the time since the start of the run.
    #[serde(rename = "started_us", with = "micros", default)]
    pub started: Duration,
    /// The duration of all phases of the last attempt together. If its worker died, it is the time since the attempt began.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// The quarantine of the case, if the case failed and is in quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
}

impl CaseReport {
    /// Whether the case does not fail the run.
    #[must_use]
    pub(crate) fn is_success(&self) -> bool {
        self.report.outcome.is_success() || self.quarantine.is_some()
    }
}
