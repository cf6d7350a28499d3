//! The result of detection for one unreliable test.

use super::id::TestId;

/// The reason why a test is unreliable. The terms victim, brittle, polluter and cleaner are those of the research on flaky tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lie {
    /// The test fails after certain other tests.
    Victim,
    /// The test passes only after certain other tests.
    Brittle,
    /// The test fails when it runs a second time.
    NotIdempotent,
    /// The test fails when certain other tests run at the same time.
    Contention,
    /// The test fails sometimes, and no cause was found.
    Flaky,
    /// The test always fails.
    Broken,
    /// The environment that this and other tests need does not work.
    Environment,
    /// The test failed, and the budget was used up before the cause was found.
    Unexamined,
}

impl Lie {
    /// The name in machine-readable output.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Victim => "victim",
            Self::Brittle => "brittle",
            Self::NotIdempotent => "not_idempotent",
            Self::Contention => "contention",
            Self::Flaky => "flaky",
            Self::Broken => "broken",
            Self::Environment => "environment",
            Self::Unexamined => "unexamined",
        }
    }
}

/// A measured failure rate, with its confidence interval at 95 %.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rate {
    /// The number of runs.
    pub runs: u32,
    /// The number of failed runs.
    pub failures: u32,
    /// The lower end of the confidence interval.
    pub low: f64,
    /// The upper end of the confidence interval.
    pub high: f64,
}

/// The result of detection for one test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The test.
    pub id: TestId,
    /// The reason why the test is unreliable.
    pub lie: Lie,
    /// Sets of tests that cause the result; each set, in its order, is sufficient. They are the polluters of a victim, the state setters of a
    /// brittle test, the concurrent tests of a contention, or the other tests that need the broken environment.
    pub culprits: Vec<Vec<TestId>>,
    /// Tests that undo the effect of a polluter when they run between the polluter and its victim.
    pub cleaners: Vec<TestId>,
    /// The failure rate under the condition that makes the test fail; for a brittle test, under the condition that makes it pass.
    pub with: Rate,
    /// The failure rate without the condition: alone in a fresh process. If there is no condition, the rate of all runs.
    pub without: Rate,
    /// The description of the rate `with`.
    pub in_words: String,
    /// The confidence that the condition matters, from 0 to 1. If there is no condition, the confidence that the test fails at all.
    pub confidence: f64,
    /// The tests that reproduce the result, in lanes, as arguments of `--lane`.
    pub lanes: Vec<Vec<TestId>>,
    /// How often the lanes must run to reproduce the result with 95 % confidence.
    pub repeats: u32,
    /// The failure message, on one line.
    pub message: String,
    /// Descriptions of conditions that correlate with the failures.
    pub correlates: Vec<String>,
}
