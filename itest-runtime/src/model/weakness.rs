//! What an exploration of faults finds: how a test took a fault, and the weaknesses of the code under test.

use super::call_plan::FaultExecution;
use super::id::TestId;
use super::planned_fault::Call;

/// How a test took a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CellVerdict {
    /// It passed.
    Tolerated,
    /// It failed as a test should: an error was returned, or an assertion failed.
    Noticed,
    /// The fault has shown a weakness of the code under test.
    Weak(Weakness, Evidence),
    /// The call that should get the fault did not occur again, and the test passed.
    NotReached,
    /// The test failed without the fault, so that the execution says nothing about the code under test.
    FailedBefore(String),
    /// The test was skipped or interrupted.
    NotRun,
}

/// What an execution has shown of a weakness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// A sentence.
    pub text: String,
    /// The exchange that got the fault, if the test's process has lived long enough to report it.
    pub exchange: Option<String>,
}

/// A weakness of the code under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Weakness {
    /// It does not end.
    Hangs,
    /// It panics, or its process dies.
    Panics,
    /// It leaves data in a state that an invariant forbids.
    BreaksInvariant,
    /// A call that was essential has failed, and nothing says so.
    FalseSuccess,
    /// It leaves resources behind that it gives back without the fault.
    Leaks,
}

impl Weakness {
    /// The name in machine-readable output.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hangs => "hangs",
            Self::Panics => "panics",
            Self::BreaksInvariant => "breaks_invariant",
            Self::FalseSuccess => "false_success",
            Self::Leaks => "leaks",
        }
    }

    /// The name in a report for people.
    #[must_use]
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Hangs => "hangs",
            Self::Panics => "panics",
            Self::BreaksInvariant => "breaks an invariant",
            Self::FalseSuccess => "false success",
            Self::Leaks => "leaks",
        }
    }
}

impl CellVerdict {
    /// The name in machine-readable output.
    #[must_use]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Tolerated => "tolerated",
            Self::Noticed => "noticed",
            Self::Weak(weakness, _) => weakness.name(),
            Self::NotReached => "not_reached",
            Self::FailedBefore(_) => "failed_before",
            Self::NotRun => "not_run",
        }
    }
}

/// A weakness that a test shows when one of its calls gets a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub weakness: Weakness,
    pub test: TestId,
    pub call: Call,
    /// The executions that show the weakness. Each has another fault.
    pub executions: Vec<FaultExecution>,
    /// What the first execution has shown.
    pub evidence: Evidence,
}
