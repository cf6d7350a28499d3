//! What can go wrong with a run itself, apart from its tests.

use thiserror::Error;

/// How the process ends. The numbers are part of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: every selected test passed.
    Passed,
    /// 101: at least one test did not pass, as with libtest.
    TestsFailed,
    /// 2: flags, environment or configuration file are wrong.
    Usage,
    /// 3: the harness itself failed; the tests are not to blame.
    Harness,
    /// 4: the selection matched no test, as with cargo-nextest.
    NothingMatched,
    /// 128 + n: ended by signal n.
    Signal(u8),
}

impl ExitStatus {
    /// The number that the process leaves with.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::TestsFailed => 101,
            Self::Usage => 2,
            Self::Harness => 3,
            Self::NothingMatched => 4,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

/// A setting that cannot be used, wherever it came from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub(crate) struct UsageError {
    /// The flag, the variable, or the file and line.
    pub place: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl UsageError {
    /// Names the place and the mistake.
    #[must_use]
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// A failure of the harness, not of a test.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum HarnessError {
    /// Two tests share a name.
    #[error("two tests are named `{id}`: at {first} and at {second}; rename one of them")]
    DuplicateTest {
        /// The name.
        id: String,
        /// Where one stands.
        first: String,
        /// Where the other stands.
        second: String,
    },
    /// Two teardown functions share a name.
    #[error("two `#[teardown]` functions are named `{name}`: at {first} and at {second}; rename one of them")]
    DuplicateTeardown {
        /// The name.
        name: String,
        /// Where one stands.
        first: String,
        /// Where the other stands.
        second: String,
    },
    /// Fixtures depend on each other in a circle.
    #[error("fixtures depend on each other in a circle: {path}; break it at one of them")]
    FixtureCycle {
        /// The types, from one of them back to itself.
        path: String,
    },
    /// A test or fixture borrows one value in two ways that exclude each other.
    #[error("{owner} asks for `{fixture}` as `&mut` and once more; ask for it once")]
    ConflictingBorrows {
        /// The test and its place.
        owner: String,
        /// The fixture's type.
        fixture: String,
    },
    /// An operating-system call failed.
    #[error("cannot {action}")]
    Io {
        /// What was being done.
        action: String,
        /// The reason.
        source: std::io::Error,
    },
    /// Workers die before they can run a test.
    #[error(
        "workers do not start: {attempts} in a row ended before their first test ({reason}); \
         run with --in-process to see what happens"
    )]
    WorkersDoNotStart {
        /// How many died in a row.
        attempts: u32,
        /// How the last one ended.
        reason: String,
    },
    /// A run needs more open files than its processes may have.
    #[error(
        "this process may open only {limit} files, and a run needs {needed}, before its tests open any; \
         raise the limit, for example with `ulimit -n 1024`"
    )]
    FewOpenFiles {
        /// The limit of this process.
        limit: u64,
        /// What a run needs at least.
        needed: u64,
    },
    /// The session that all processes of a run share cannot be used.
    #[error("the session of this run cannot be used: {reason}")]
    Session {
        /// Why.
        reason: String,
    },
    /// A worker has other tests than the supervisor.
    #[error(
        "{worker} is of another build than the supervisor; the test binary was replaced while it ran: run it again"
    )]
    OtherBuild {
        /// The worker's name.
        worker: String,
    },
}

impl HarnessError {
    /// Wraps an operating-system error with what was being done.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }

    /// The error and its causes, joined into one line.
    #[must_use]
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
