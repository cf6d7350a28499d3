//! The complete settings of a run, and their defaults.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::call_plan::RunCallPlan;
use super::config::{
    Annotations, Budget, Capture, Color, Failed, FlakyResult, Format, Isolation, Leaks, Limits, NoTests, Order, Recall,
    Repeats, Require, RetryOn, Selection, SessionSettings, ShowOutput, Until,
};
use super::id::{Seed, TestId};
#[cfg(feature = "coverage")]
use super::integration_coverage::CoverageSettings;
use super::quarantine::{Quarantine, QuarantineEntry, QuarantinePolicy};
use super::secret::Secret;
use super::shard::{ShardBy, Sharding};
use super::trace::TraceScope;

/// The complete settings of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunConfig {
    /// The order in which cases start.
    pub order: Order,
    /// The seed of the order and of the tests' random data.
    pub seed: Seed,
    /// The part of the suite that runs.
    pub shard: Sharding,
    /// The criterion that assigns tests to parts.
    pub shard_by: ShardBy,
    /// The record with the past durations of tests.
    pub durations: Option<PathBuf>,
    /// The number of workers that run at the same time.
    pub jobs: NonZeroUsize,
    /// The number of failures after which no more tests are started.
    pub fail_fast: Option<NonZeroUsize>,
    /// The maximum number of further attempts after a failure, for tests without `retries` of their own.
    pub retries: u32,
    /// The delay before the second attempt. Each further attempt doubles the delay.
    pub retry_delay: Duration,
    /// How the failures of the last run affect this run.
    pub recall: Recall,
    /// The failures after which a test is retried.
    pub retry_on: RetryOn,
    /// The effect of flaky tests on the run.
    pub flaky_result: FlakyResult,
    /// How often the run is repeated.
    pub repeats: Repeats,
    /// The time limits.
    pub limits: Limits,
    /// The duration after which a running test is reported as slow.
    pub slow: Duration,
    /// The destination of the tests' output.
    pub capture: Capture,
    /// The tests whose captured output is shown.
    pub show_output: ShowOutput,
    /// The format of the report.
    pub format: Format,
    /// When the report has colours.
    pub color: Color,
    /// Whether each test's line ends with its duration.
    pub report_time: bool,
    /// Where the tests run.
    pub isolation: Isolation,
    /// The command that starts the process in which the tests run.
    pub wrapper: Option<String>,
    /// The stack size, in bytes, of a test that runs in a thread of this process.
    pub stack: usize,
    /// The result of a run whose selection has no test.
    pub no_tests: NoTests,
    /// What a test does if a service is missing.
    pub require: Require,
    /// What happens if a test leaks something.
    pub leaks: Leaks,
    /// What happens to the resources of a failed test.
    pub failed: Failed,
    /// The effect of the quarantine.
    pub quarantine: QuarantinePolicy,
    /// The quarantine entries of the configuration file.
    pub quarantine_entries: Vec<QuarantineEntry>,
    /// The cases of this suite that are in quarantine today.
    pub quarantined: BTreeMap<TestId, Quarantine>,
    /// The path of the record, if it is not the default path.
    pub record: Option<PathBuf>,
    /// The number of records that are kept.
    pub records: usize,
    /// The CI system for which failures are annotated.
    pub annotations: Annotations,
    /// The database of past runs, if it is not the file next to the records. It has an effect only with the feature `history`.
    pub history_url: Option<Secret>,
    /// How long past runs stay in the database.
    pub history_keep: Duration,
    /// The paths of the report files, by the keys of their settings.
    pub reports: BTreeMap<&'static str, PathBuf>,
    /// The settings of the coverage of integration points.
    #[cfg(feature = "coverage")]
    pub coverage: CoverageSettings,
    /// The filter for `tracing` events. It has an effect only with the feature `tracing`.
    pub log: String,
    /// The threads whose `tracing` events are shown.
    pub trace: TraceScope,
    /// The settings of the session.
    pub session: SessionSettings,
    /// What the workers do with the calls of the code under test.
    pub calls: RunCallPlan,
    /// The limits of a detection.
    pub budget: Budget,
    /// The settings of fixtures that were given, by key.
    pub fixtures: BTreeMap<&'static str, String>,
    /// Additional environment variables of workers.
    pub environment: Vec<(String, String)>,
    /// The criteria that select the cases.
    pub selection: Selection,
}

impl Default for RunConfig {
    /// The defaults. The command line gives each run a new seed.
    fn default() -> Self {
        Self {
            order: Order::Random,
            seed: Seed(0),
            // `resolve` counts the processors only if the number is needed, because counting them opens a dozen files.
            jobs: NonZeroUsize::MIN,
            fail_fast: None,
            shard: Sharding::Whole,
            shard_by: ShardBy::Hash,
            durations: None,
            retries: 0,
            retry_delay: Duration::ZERO,
            recall: Recall::default(),
            retry_on: RetryOn::Any,
            flaky_result: FlakyResult::Pass,
            repeats: Repeats::default(),
            limits: Limits {
                setup: Duration::from_mins(1),
                test: Duration::from_mins(1),
                teardown: Duration::from_secs(10),
            },
            slow: Duration::from_secs(10),
            capture: Capture::Captured,
            show_output: ShowOutput::Failures,
            format: Format::Pretty,
            color: Color::Auto,
            report_time: false,
            isolation: Isolation::Processes,
            wrapper: None,
            stack: Self::MAIN_THREAD_STACK,
            no_tests: NoTests::Auto,
            require: Require::Nothing,
            leaks: Leaks::Warn,
            failed: Failed::GiveBack,
            quarantine: QuarantinePolicy::Apply,
            quarantine_entries: Vec::new(),
            quarantined: BTreeMap::new(),
            record: None,
            records: 20,
            annotations: Annotations::Auto,
            history_url: None,
            history_keep: Duration::from_hours(24 * 90),
            reports: BTreeMap::new(),
            #[cfg(feature = "coverage")]
            coverage: CoverageSettings::default(),
            log: "info".to_owned(),
            trace: TraceScope::Process,
            session: SessionSettings::default(),
            calls: RunCallPlan::default(),
            budget: Budget { time: Some(Duration::from_mins(10)), executions: None },
            fixtures: BTreeMap::new(),
            environment: Vec::new(),
            selection: Selection::default(),
        }
    }
}

impl RunConfig {
    /// The stack size, in bytes, that the main thread of a process has nearly everywhere. Other threads have a quarter of it.
    pub(crate) const MAIN_THREAD_STACK: usize = 8 << 20;

    /// The number of failures after which no more tests are started.
    #[must_use]
    pub(crate) fn max_failures(&self) -> Option<NonZeroUsize> {
        self.repeats.until.map(|Until::Failure| NonZeroUsize::MIN).or(self.fail_fast)
    }
}
