//! What is known of a case before anything runs.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{CaseIndex, TestId};

/// A place in the source, as `file:line:column` (lines and columns count from 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceLocation(Cow<'static, str>);

impl SourceLocation {
    /// Wraps a place that is written as `file:line:column`.
    #[must_use]
    pub fn new(place: impl Into<Cow<'static, str>>) -> Self {
        Self(place.into())
    }

    /// The place as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The arguments of `#[integration_test(...)]`, shared by all cases of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseMeta {
    /// The budget of the test's body; the run's own limit applies where it is `None`.
    pub timeout: Option<Duration>,
    /// How many more attempts a failure may have; the run's own number applies where it is `None`.
    pub retries: Option<u32>,
    /// Tests of one key never run side by side.
    pub serial: Option<&'static str>,
    /// Words that `--tag` selects by.
    pub tags: &'static [&'static str],
    /// The integration points the test says it covers.
    pub covers: &'static [&'static str],
    /// Why the test is left out unless asked for.
    pub ignore: Option<&'static str>,
    /// The runtime that polls the test's body.
    pub runtime: TestRuntime,
}

/// The tokio runtime that polls the body of an async test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestRuntime {
    /// The worker's runtime, which all tests of the worker share.
    #[default]
    Worker,
    /// A multi-threaded runtime of this test's own, with this number of worker threads (1 to 1024).
    Threads(u16),
    /// A current-thread runtime of this test's own. Only on such a runtime can the test pause tokio's clock.
    CurrentThread,
}

impl CaseMeta {
    /// A test without arguments.
    pub const PLAIN: Self = Self {
        timeout: None,
        retries: None,
        serial: None,
        tags: &[],
        covers: &[],
        ignore: None,
        runtime: TestRuntime::Worker,
    };
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum LockMode {
    /// Any number of cases at a time.
    Shared,
    /// One case, and no other beside it.
    Exclusive,
}

/// What a case must hold while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// The thing that is locked: a fixture's type or a `serial` key.
    pub key: String,
    /// How it is held.
    pub mode: LockMode,
}

/// One runnable case: a test, or one row of its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// Its stable name.
    pub id: TestId,
    /// Its position in the registry.
    pub index: CaseIndex,
    /// Where the test stands in the source.
    pub location: SourceLocation,
    /// The test's arguments.
    pub meta: &'static CaseMeta,
    /// Every lock the case needs, taken together before it starts.
    pub locks: Vec<Lock>,
    /// The round of a repeated run that it is part of, counted from 1.
    pub round: u32,
}

/// One execution of a case, as a worker is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The case.
    pub case: CaseIndex,
    /// Counted from 1.
    pub attempt: u32,
    /// Counted from 1.
    pub round: u32,
}
