//! The default configuration of a run.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::time::Duration;

use super::stack::MAIN_THREAD_STACK;
use crate::model::{
    Annotations, Budget, Capture, Color, Failed, FlakyResult, Format, Isolation, Leaks, Limits, NoTests, Order,
    QuarantinePolicy, Recall, Repeats, Require, RetryOn, RunConfig, Seed, Selection, SessionSettings, ShardBy,
    Sharding, ShowOutput, TraceScope,
};

/// The defaults, with a new seed.
pub(super) fn base() -> RunConfig {
    RunConfig {
        order: Order::Random,
        // The seed is short enough to type. The random key of a hasher is the only randomness in the standard library.
        seed: Seed(RandomState::new().hash_one("itest") % 10_000_000_000),
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
        stack: MAIN_THREAD_STACK,
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
        ctrf: None,
        junit: None,
        log: "info".to_owned(),
        trace: TraceScope::Process,
        session: SessionSettings::default(),
        budget: Budget { time: Some(Duration::from_mins(10)), executions: None },
        fixtures: BTreeMap::new(),
        environment: Vec::new(),
        selection: Selection::default(),
    }
}
