//! The static description of a case.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::id::{CaseIndex, TestId};

/// A location in the source, as `file:line:column` (lines and columns are counted from 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceLocation(Cow<'static, str>);

impl SourceLocation {
    /// Wraps a location in the form `file:line:column`.
    #[must_use]
    pub fn new(location: impl Into<Cow<'static, str>>) -> Self {
        Self(location.into())
    }

    /// The location as text.
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

/// The arguments of `#[integration_test(...)]`. All cases of a test share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseMeta {
    /// The time limit of the test's body. If it is `None`, the run's limit applies.
    pub timeout: Option<Duration>,
    /// The maximum number of further attempts after a failure. If it is `None`, the run's number applies.
    pub retries: Option<u32>,
    /// A key. Tests with the same key never run at the same time.
    pub serial: Option<&'static str>,
    /// The tags by which `--tag` selects tests.
    pub tags: &'static [&'static str],
    /// The integration points that the test declares to cover.
    pub covers: &'static [&'static str],
    /// The reason why the test does not run by default.
    pub ignore: Option<&'static str>,
    /// The runtime that polls the test's body.
    pub runtime: TestRuntime,
}

/// The tokio runtime that polls the body of an async test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestRuntime {
    /// The worker's runtime. All tests of the worker share it.
    #[default]
    Worker,
    /// A multi-threaded runtime of this test's own, with this number of worker threads (1 to 1024).
    Threads(u16),
    /// A current-thread runtime of this test's own. Only on such a runtime can the test pause tokio's clock.
    CurrentThread,
}

impl CaseMeta {
    /// The values for an attribute without arguments.
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

/// The mode of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum LockMode {
    /// Any number of cases that share the lock may run at the same time.
    Shared,
    /// While one case holds the lock, no other case that needs it runs.
    Exclusive,
}

/// A lock that a case needs while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// The thing that is locked: a fixture's type or a `serial` key.
    pub key: String,
    /// The mode of the lock.
    pub mode: LockMode,
}

/// One case: a test, or one row of a test's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// The stable name of the case.
    pub id: TestId,
    /// The position in the registry.
    pub index: CaseIndex,
    /// The location of the test in the source.
    pub location: SourceLocation,
    /// The arguments of the test's attribute.
    pub meta: &'static CaseMeta,
    /// All locks of the case. They are acquired together before the case starts.
    pub locks: Vec<Lock>,
    /// The round of a repeated run, counted from 1.
    pub round: u32,
}

/// A case that was found when the suite started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunTimeCase {
    /// The name, which is unique among the cases of the test.
    pub name: String,
    /// The path of the file; `None` for a case of a function.
    pub file: Option<String>,
}

/// The request to a worker to execute one attempt of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The case.
    pub case: CaseIndex,
    /// The number of the attempt, counted from 1.
    pub attempt: u32,
    /// The round, counted from 1.
    pub round: u32,
}
