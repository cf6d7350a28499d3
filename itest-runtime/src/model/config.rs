//! A run's settings, resolved: nothing here is optional because somebody forgot to say it.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration::{bounded, optional_micros};
use super::id::{Seed, TestId};
use super::mark::Mark;
use super::quarantine::{Quarantine, QuarantineEntry, QuarantinePolicy};
use super::secret::Secret;
use super::shard::{ShardBy, Sharding};
use super::trace::TraceScope;

/// The order in which cases are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// A shuffle that the seed fixes.
    Random,
    /// By file and line, as the tests stand in the source.
    Declared,
    /// The declared order from its end.
    Reverse,
    /// What took longest before comes first, so that nothing long is alone at the end.
    LongestFirst,
    /// As lanes or a record say.
    Given,
}

/// Where the tests' stdout and stderr go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Capture {
    /// To the supervisor, which shows them with the test that wrote them.
    Captured,
    /// Straight to the user's.
    Inherited,
}

/// Whose captured output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShowOutput {
    /// That of tests that did not pass.
    Failures,
    /// Everyone's.
    All,
}

/// The shape of the report on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// libtest's lines, failures in full.
    Pretty,
    /// A character a test, failures in full.
    Terse,
    /// One JSON object a line, one line an event.
    Json,
    /// The JSON lines of libtest.
    LibtestJson,
}

/// Who is told of failures in words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Annotations {
    /// The CI system that this runs on, if it is known.
    Auto,
    /// GitHub Actions.
    Github,
    /// Nobody.
    Nothing,
}

/// When the report is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Isolation {
    /// Worker processes.
    Processes,
    /// A thread of this process: for debuggers, and under cargo-nextest, whose process is a worker already.
    InProcess,
}

/// What a selection without any test means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTests {
    /// An error where this one suite was asked for. Where one `cargo test` runs several suites, another one may have the test: a green
    /// run, which says so.
    Auto,
    /// An error.
    Fail,
    /// A green run.
    Pass,
}

/// What a test does that finds a service missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Require {
    /// It skips, and says why.
    Nothing,
    /// It fails.
    All,
}

/// What becomes of a test that leaves something behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Leaks {
    /// Nobody looks.
    Ignore,
    /// It is told.
    Warn,
    /// The test fails.
    Fail,
}

/// What becomes of what a failed test has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failed {
    /// It is given back at once.
    GiveBack,
    /// It is kept, to be looked at.
    Keep,
}

/// Which failures are given another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryOn {
    /// All.
    Any,
    /// Those of the environment: setup, arrange, teardown.
    Errored,
}

/// What a test means that passed only in a later attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FlakyResult {
    /// The run is green.
    #[default]
    Pass,
    /// The run is red.
    Fail,
}

/// What the failures of the last run mean for this one. These are two settings with a value each, so that either can be given on any
/// layer; together they mean the same as `only_failed` alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Recall {
    /// Only the tests run that failed, if there are any.
    pub only_failed: bool,
    /// The tests that failed run first.
    pub failed_first: bool,
}

/// How often the whole run is repeated; it ends with whatever comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Repeats {
    /// So many rounds.
    pub rounds: Option<NonZeroU32>,
    /// Until a test fails.
    pub until: Option<Until>,
    /// For so long; a round that has begun is finished.
    #[serde(rename = "lasting_us", with = "optional_micros")]
    pub lasting: Option<Duration>,
}

/// What ends a run that is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Until {
    /// The first failure.
    Failure,
}

impl Repeats {
    /// Whether nothing is repeated.
    #[must_use]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The last round, if it is known before.
    #[must_use]
    pub(crate) fn last(self) -> Option<NonZeroU32> {
        let is_open = self.until.is_some() || self.lasting.is_some();
        self.rounds.or_else(|| (!is_open).then_some(NonZeroU32::MIN))
    }

    /// In words, if there is more than one round.
    #[must_use]
    pub(crate) fn in_words(self) -> Option<String> {
        let rounds = self.rounds.filter(|rounds| rounds.get() > 1).map(|rounds| format!("{rounds} rounds"));
        let until = self.until.map(|Until::Failure| "until a failure".to_owned());
        let lasting = self.lasting.map(|lasting| format!("for {}", humantime::format_duration(lasting)));
        let words: Vec<_> = [rounds, until, lasting].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(" or "))
    }
}

/// How much a detection may cost; it ends with whatever is used up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// So long; a probe that has begun is finished.
    pub time: Option<Duration>,
    /// So many executions of tests.
    pub executions: Option<usize>,
}

impl Budget {
    /// In words.
    #[must_use]
    pub(crate) fn in_words(self) -> String {
        match (self.time, self.executions) {
            (Some(time), _) => format!("at most {}", humantime::format_duration(time)),
            (None, Some(executions)) => format!("at most {executions} executions"),
            (None, None) => "without a limit".to_owned(),
        }
    }
}

/// Budgets of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    // These stand in files of sessions, which later runs read and add to: no value there may make a later run fail.
    /// For a case's fixtures together.
    #[serde(deserialize_with = "bounded")]
    pub setup: Duration,
    /// For a test's body, unless its own `timeout` says otherwise.
    #[serde(deserialize_with = "bounded")]
    pub test: Duration,
    /// For each step of teardown.
    #[serde(deserialize_with = "bounded")]
    pub teardown: Duration,
}

impl Limits {
    /// How long a phase that ignores its deadline may run on before its process is killed.
    pub(crate) const GRACE: Duration = Duration::from_millis(500);
}

/// Which cases a run is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The filters as they were given; a case must match one of them.
    pub filters: Vec<String>,
    /// What a case must not match.
    pub skips: Vec<String>,
    /// A tag expression that a case must satisfy.
    pub tag: Option<String>,
}

impl Selection {
    /// Whether anything narrows the run at all.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.filters.is_empty() && self.skips.is_empty() && self.tag.is_none()
    }
}

/// Everything a run needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunConfig {
    /// The order of starting.
    pub order: Order,
    /// Fixes the order and the tests' random data.
    pub seed: Seed,
    /// Which part of the suite runs here.
    pub shard: Sharding,
    /// What decides about the parts.
    pub shard_by: ShardBy,
    /// A record that knows how long tests take.
    pub durations: Option<PathBuf>,
    /// How many workers run at a time.
    pub jobs: NonZeroUsize,
    /// Stop starting tests after so many failures.
    pub fail_fast: Option<NonZeroUsize>,
    /// How many more attempts a failure may have, unless the test says otherwise.
    pub retries: u32,
    /// How long a failed test waits for its second attempt; twice as long for each one behind that.
    pub retry_delay: Duration,
    /// What the failures of the last run mean for this one.
    pub recall: Recall,
    /// Which failures these are for.
    pub retry_on: RetryOn,
    /// What a flaky test means.
    pub flaky_result: FlakyResult,
    /// How often everything runs.
    pub repeats: Repeats,
    /// Budgets of time.
    pub limits: Limits,
    /// A test that runs for longer is named while it runs.
    pub slow: Duration,
    /// Where output goes.
    pub capture: Capture,
    /// Whose output is shown.
    pub show_output: ShowOutput,
    /// The report's shape.
    pub format: Format,
    /// The report's colours.
    pub color: Color,
    /// Whether each test's line ends with its time.
    pub report_time: bool,
    /// Processes or one process.
    pub isolation: Isolation,
    /// Bytes of stack of a test that runs on a thread of this process.
    pub stack: usize,
    /// What an empty selection means.
    pub no_tests: NoTests,
    /// What a missing service means.
    pub require: Require,
    /// What a leak means.
    pub leaks: Leaks,
    /// What becomes of a failed test's resources.
    pub failed: Failed,
    /// Whether a failed test's fixtures show what it did to their data.
    pub show_data: bool,
    /// What the quarantine means.
    pub quarantine: QuarantinePolicy,
    /// Its entries, as the configuration file has them.
    pub quarantine_entries: Vec<QuarantineEntry>,
    /// The cases of this suite whose failures are borne today.
    pub quarantined: BTreeMap<TestId, Quarantine>,
    /// Where the record goes, if not to the others.
    pub record: Option<PathBuf>,
    /// How many records are kept.
    pub records: usize,
    /// Who is told of failures.
    pub annotations: Annotations,
    /// The database of past runs, if it is not the file beside the records; where that is compiled in.
    pub history_url: Option<Secret>,
    /// How long past runs are remembered there.
    pub history_keep: Duration,
    /// Where a report in the Common Test Report Format goes.
    pub ctrf: Option<PathBuf>,
    /// Where a JUnit report goes, where that is compiled in.
    pub junit: Option<PathBuf>,
    /// Which events of `tracing` are shown, where that is compiled in.
    pub log: String,
    /// Whose events these are.
    pub trace: TraceScope,
    /// Where sessions are, and whose.
    pub session: SessionSettings,
    /// How much a detection may cost.
    pub budget: Budget,
    /// Variables of workers, beside those of this process.
    pub environment: Vec<(String, String)>,
    /// Which cases run.
    pub selection: Selection,
}

impl RunConfig {
    /// After so many failures no more tests are started.
    #[must_use]
    pub(crate) fn max_failures(&self) -> Option<NonZeroUsize> {
        self.repeats.until.map(|Until::Failure| NonZeroUsize::MIN).or(self.fail_fast)
    }
}

/// Where sessions are kept, and who shares this run's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionSettings {
    /// The folder for sessions; beside what cargo built, if there is none.
    pub dir: Option<PathBuf>,
    /// The cargo-nextest run that this process is part of.
    pub nextest: Option<NextestRun>,
}

/// A run of cargo-nextest, which starts a process for each test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NextestRun {
    /// The same in all its processes.
    pub id: String,
    /// The variable, and its value, that everything inherits that this process starts.
    pub mark: Option<Mark>,
    /// Which attempt at its test this process makes, counted from 1.
    pub attempt: u32,
    /// How many of its processes run side by side.
    pub jobs: NonZeroUsize,
}
