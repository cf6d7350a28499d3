//! Errors of the harness itself, and the exit statuses of the process.

use thiserror::Error;

/// The exit status of the process. The numbers are part of the public contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: every selected test passed.
    Passed,
    /// 101: at least one test did not pass, as with libtest.
    TestsFailed,
    /// 2: a flag, an environment variable or the configuration file is wrong.
    Usage,
    /// 3: the harness itself failed; the tests are not to blame.
    Harness,
    /// 4: the selection matched no test, as with cargo-nextest.
    NothingMatched,
    /// 128 + n: signal n ended the run.
    Signal(u8),
}

impl ExitStatus {
    /// The exit code.
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

/// A setting that cannot be used. It comes from a flag, an environment variable or the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {what}")]
pub(crate) struct UsageError {
    /// The flag, the variable, or the file and line.
    pub place: String,
    /// What is wrong with the setting, and how to correct it.
    pub what: String,
}

impl UsageError {
    /// Creates the error from the place of the setting and a description of the mistake.
    #[must_use]
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

/// An error of the harness, not of a test.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum HarnessError {
    /// Two tests have the same name.
    #[error("two tests are named `{id}`: at {first} and at {second}; rename one of them")]
    DuplicateTest {
        /// The name.
        id: String,
        /// The location of one of them.
        first: String,
        /// The location of the other one.
        second: String,
    },
    /// Two teardown functions have the same name.
    #[error("two `#[teardown]` functions are named `{name}`: at {first} and at {second}; rename one of them")]
    DuplicateTeardown {
        /// The name.
        name: String,
        /// The location of one of them.
        first: String,
        /// The location of the other one.
        second: String,
    },
    /// Fixtures depend on each other in a cycle.
    #[error("fixtures depend on each other in a circle: {path}; break it at one of them")]
    FixtureCycle {
        /// The fixture types on the cycle. The first type is also the last.
        path: String,
    },
    /// A test has conflicting borrows of one value.
    #[error("{owner} asks for `{fixture}` as `&mut` and once more; ask for it once")]
    ConflictingBorrows {
        /// The test and its location.
        owner: String,
        /// The fixture's type.
        fixture: String,
    },
    /// The cases of a test cannot be found.
    #[error("`{name}` ({location}) has no cases: {reason}")]
    NoCases {
        /// The name.
        name: String,
        /// The location.
        location: String,
        /// The reason.
        reason: String,
    },
    /// An invariant holds after no test.
    #[error(
        "the invariant `{name}` ({location}) would never run: no test uses all of its fixtures ({fixtures}); use them as \
         `&T` in a test, or remove the invariant"
    )]
    UnusedInvariant {
        /// The name.
        name: String,
        /// The location.
        location: String,
        /// The names of its fixtures.
        fixtures: String,
    },
    /// An operating-system call failed.
    #[error("cannot {action}")]
    Io {
        /// The action that failed.
        action: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Workers die before they can run a test.
    #[error(
        "workers do not start: {attempts} in a row ended before their first test ({reason}); \
         run with --in-process to see what happens"
    )]
    WorkersDoNotStart {
        /// The number of workers in a row that died.
        attempts: u32,
        /// How the last worker ended.
        reason: String,
    },
    /// The limit on open files is too low for a run.
    #[error(
        "this process may open only {limit} files, and a run needs {needed}, before its tests open any; \
         raise the limit, for example with `ulimit -n 1024`"
    )]
    FewOpenFiles {
        /// The limit of this process.
        limit: u64,
        /// The minimum that a run needs.
        needed: u64,
    },
    /// The session that all processes of the run share cannot be used.
    #[error("the session of this run cannot be used: {reason}")]
    Session {
        /// The cause.
        reason: String,
    },
    /// A worker was started from a different build of the test binary than the supervisor.
    #[error(
        "{worker} is of another build than the supervisor; the test binary was replaced while it ran: run it again"
    )]
    OtherBuild {
        /// The worker's name.
        worker: String,
    },
}

impl HarnessError {
    /// Wraps an operating-system error together with the action that failed.
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
