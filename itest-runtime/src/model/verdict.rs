//! What was found out about a test that lies.

use super::id::TestId;

/// A kind of lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lie {
    /// It fails after certain other tests.
    Victim,
    /// It passes only after certain other tests.
    Brittle,
    /// It fails the second time.
    NotIdempotent,
    /// It fails beside certain other tests.
    Contention,
    /// It fails now and then, and nothing was found that it depends on.
    Flaky,
    /// It always fails.
    Broken,
    /// What it needs does not work, for itself and for others.
    Environment,
    /// It failed, and nobody had the time to find out why.
    Unexamined,
}

impl Lie {
    /// Its name in text for programs.
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

/// How often something was tried, how often it failed, and between which rates that leaves the truth at 95 % confidence.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rate {
    /// All runs.
    pub runs: u32,
    /// Those that failed.
    pub failures: u32,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What was found out about one test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The test.
    pub id: TestId,
    /// What kind of lie it is.
    pub lie: Lie,
    /// Who is behind it: each of these sets suffices, in its order. Polluters of a victim, setters of a brittle test, neighbours
    /// of a contention, other tests of one broken environment.
    pub culprits: Vec<Vec<TestId>>,
    /// Tests that put right between a polluter and its victim what the polluter did.
    pub cleaners: Vec<TestId>,
    /// Under the condition that makes it fail; for a brittle test, that makes it pass.
    pub with: Rate,
    /// Without it: alone in a fresh process. For lies without a condition these are all runs.
    pub without: Rate,
    /// The first of these rates in words.
    pub in_words: String,
    /// How sure it is that the condition matters, from 0 to 1; for lies without a condition, that the test fails at all.
    pub confidence: f64,
    /// What shows it: tests in lanes, as `--lane` takes them.
    pub lanes: Vec<Vec<TestId>>,
    /// How often these lanes must be run to see it with 95 % confidence.
    pub repeats: u32,
    /// How it failed, on one line.
    pub message: String,
    /// What the failures go along with, in words.
    pub correlates: Vec<String>,
}
