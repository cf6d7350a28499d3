//! The resolved settings of a run. Defaults are already applied.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration::{bounded, optional_micros};
use super::mark::Mark;

/// The order in which cases are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// A random order that the seed determines.
    Random,
    /// The order in the source, by file and line.
    Declared,
    /// The declared order, reversed.
    Reverse,
    /// The cases that took longest in the past start first, so that no long case runs alone at the end.
    LongestFirst,
    /// The order of `--lane` arguments or of a record.
    Given,
}

/// The destination of the tests' stdout and stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Capture {
    /// The supervisor, which shows the output with the test that wrote it.
    Captured,
    /// The stdout and stderr of the supervisor, without capture.
    Inherited,
}

/// The tests whose captured output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShowOutput {
    /// Tests that did not pass.
    Failures,
    /// All tests.
    All,
}

/// The format of the report on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// One line for each test, as in libtest, and the full failures.
    Pretty,
    /// One character for each test, and the full failures.
    Terse,
    /// One JSON object on one line for each event.
    Json,
    /// The JSON format of libtest.
    LibtestJson,
}

/// The CI system for which failures are annotated in its own syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotations {
    /// The CI system on which the run is, if it is known.
    Auto,
    /// GitHub Actions.
    Github,
    /// Failures are not annotated.
    Nothing,
}

/// When the report has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// If stdout is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where the tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Isolation {
    /// In worker processes.
    Processes,
    /// In a thread of this process. This is for debuggers, and for cargo-nextest, which already starts a process for each test.
    InProcess,
}

/// The result of a run whose selection has no test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTests {
    /// An error if only this suite was requested. If one `cargo test` runs several suites, the run passes with a note, because another suite
    /// may have the test.
    Auto,
    /// An error.
    Fail,
    /// The run passes.
    Pass,
}

/// What a test does if a service is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Require {
    /// The test is skipped with a reason.
    Nothing,
    /// The test fails.
    All,
}

/// What happens if a test leaks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Leaks {
    /// Leaks are not checked.
    Ignore,
    /// Leaks are reported.
    Warn,
    /// The test fails.
    Fail,
}

/// What happens to the resources of a failed test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failed {
    /// The resources are given back immediately.
    GiveBack,
    /// The resources are kept for the user to inspect.
    Keep,
}

/// The failures after which a test is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryOn {
    /// All failures.
    Any,
    /// Failures in setup, arrange and teardown, which come from the environment.
    Errored,
}

/// The effect of a flaky test, which passed only in a later attempt, on the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FlakyResult {
    /// The run passes.
    #[default]
    Pass,
    /// The run fails.
    Fail,
}

/// How the failures of the last run affect the selection and order of this run. There are two separate settings, so that each can be set by
/// a flag, a variable or the configuration file. If both are set, only `only_failed` has an effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Recall {
    /// Only the tests that failed run, if any test failed.
    pub only_failed: bool,
    /// The tests that failed run first.
    pub failed_first: bool,
}

/// How often the whole run is repeated. The repetition ends as soon as one of the limits is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Repeats {
    /// The maximum number of rounds.
    pub rounds: Option<NonZeroU32>,
    /// The event that ends the repetition.
    pub until: Option<Until>,
    /// The maximum duration. A round that has begun is finished.
    #[serde(rename = "lasting_us", with = "optional_micros")]
    pub lasting: Option<Duration>,
}

/// The event that ends a repeated run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Until {
    /// The first failure of a test.
    Failure,
}

impl Repeats {
    /// Whether the run is not repeated.
    #[must_use]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The number of the last round, if it is known in advance.
    #[must_use]
    pub(crate) fn last(self) -> Option<NonZeroU32> {
        let is_open = self.until.is_some() || self.lasting.is_some();
        self.rounds.or_else(|| (!is_open).then_some(NonZeroU32::MIN))
    }

    /// The description for messages; `None` if there is only one round.
    #[must_use]
    pub(crate) fn in_words(self) -> Option<String> {
        let rounds = self.rounds.filter(|rounds| rounds.get() > 1).map(|rounds| format!("{rounds} rounds"));
        let until = self.until.map(|Until::Failure| "until a failure".to_owned());
        let lasting = self.lasting.map(|lasting| format!("for {}", humantime::format_duration(lasting)));
        let words: Vec<_> = [rounds, until, lasting].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(" or "))
    }
}

/// The limits of a detection. The detection ends as soon as one of them is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The maximum duration. A probe that has begun is finished.
    pub time: Option<Duration>,
    /// The maximum number of test executions.
    pub executions: Option<usize>,
}

impl Budget {
    /// The description for messages.
    #[must_use]
    pub(crate) fn in_words(self) -> String {
        match (self.time, self.executions) {
            (Some(time), _) => format!("at most {}", humantime::format_duration(time)),
            (None, Some(executions)) => format!("at most {executions} executions"),
            (None, None) => "without a limit".to_owned(),
        }
    }
}

/// The time limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    // Session files contain these values, and later runs read them and add to them. The values are bounded, so that no sum overflows.
    /// The limit for the setup of all fixtures of a case.
    #[serde(deserialize_with = "bounded")]
    pub setup: Duration,
    /// The limit for the body of a test without a `timeout` of its own.
    #[serde(deserialize_with = "bounded")]
    pub test: Duration,
    /// The limit for each teardown step.
    #[serde(deserialize_with = "bounded")]
    pub teardown: Duration,
}

impl Limits {
    /// The grace period: how long a phase may continue after its limit before its process is killed.
    pub(crate) const GRACE: Duration = Duration::from_millis(500);

    /// The limits while a person watches the tests: they are so long that nothing reaches them.
    pub(crate) const NONE: Self = {
        let year = Duration::from_hours(365 * 24);
        Self { setup: year, test: year, teardown: year }
    };

    /// The limit of a test or an invariant, which may have a limit of its own.
    #[must_use]
    pub(crate) fn of_test(&self, own: Option<Duration>) -> Duration {
        own.filter(|_| *self != Self::NONE).unwrap_or(self.test)
    }
}

/// The criteria that select the cases of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The filters of the command line. A case must match one of them.
    pub filters: Vec<String>,
    /// The patterns that a case must not match.
    pub skips: Vec<String>,
    /// A tag expression that a case must satisfy.
    pub tag: Option<String>,
    /// The integration points of which a case must declare one. It has an effect only with the feature `coverage`.
    pub covers: Option<String>,
}

impl Selection {
    /// Whether all cases are selected.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.filters.is_empty() && self.skips.is_empty() && self.tag.is_none() && self.covers.is_none()
    }
}

/// The settings of the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionSettings {
    /// The folder for sessions. If it is `None`, sessions are in cargo's target folder.
    pub dir: Option<PathBuf>,
    /// How long a service that is slow to start stays after the run. If it is `None`, all services end with the run.
    pub keep_services: Option<Duration>,
    /// The cargo-nextest run that this process is part of.
    pub nextest: Option<NextestRun>,
}

/// A run of cargo-nextest, which starts one process for each test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextestRun {
    /// The id of the run. It is the same in all processes of the run.
    pub id: String,
    /// The mark that all processes started by this process inherit.
    pub mark: Option<Mark>,
    /// The number of the attempt that this process runs, counted from 1.
    pub attempt: u32,
    /// The number of processes that run at the same time.
    pub jobs: NonZeroUsize,
}
