//! The phases and the outcomes of cases.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A phase of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The fixtures are set up.
    Setup,
    /// The part of the body before `#[act]`.
    Arrange,
    /// The action under test.
    Act,
    /// The assertions about the effects of the action.
    Assert,
    /// The whole body of a test without phase attributes.
    Body,
    /// The resources are given back.
    Teardown,
    /// The invariants run, after the body and before teardown.
    Invariants,
}

impl Phase {
    /// All phases. The position of a phase in this array is its number.
    pub(crate) const ALL: [Self; 7] =
        [Self::Setup, Self::Arrange, Self::Act, Self::Assert, Self::Body, Self::Teardown, Self::Invariants];

    /// The number of the phase, for compact storage.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// The phase with this number.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether the body of the test runs in this phase.
    pub(crate) fn is_of_body(self) -> bool {
        matches!(self, Self::Arrange | Self::Act | Self::Assert | Self::Body)
    }

    /// The name of the phase in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Arrange => "arrange",
            Self::Act => "act",
            Self::Assert => "assert",
            Self::Body => "test body",
            Self::Teardown => "teardown",
            Self::Invariants => "invariants",
        }
    }

    /// The outcome of a failure in this phase. A failure of the code under test is `Failed`; a failure of what the test needs is `Errored`.
    #[must_use]
    pub fn failure_outcome(self) -> Outcome {
        match self {
            Self::Act | Self::Assert | Self::Body | Self::Invariants => Outcome::Failed,
            Self::Setup | Self::Arrange | Self::Teardown => Outcome::Errored,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The outcome of an attempt or a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All assertions held and all resources were given back.
    Passed,
    /// The case passed only after another attempt.
    Flaky,
    /// An assertion or an invariant did not hold (act, assert, or a body without phase attributes).
    Failed,
    /// Something that the test needs did not work (setup, arrange, teardown).
    Errored,
    /// A phase exceeded its time limit and was ended.
    TimedOut,
    /// The process that ran the test died.
    Crashed,
    /// The test requested to be skipped.
    Skipped,
    /// A signal ended the run while the test ran.
    Interrupted,
}

impl Outcome {
    /// Whether the outcome does not fail the run.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Passed | Self::Flaky | Self::Skipped)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Passed => "passed",
            Self::Flaky => "flaky",
            Self::Failed => "failed",
            Self::Errored => "errored",
            Self::TimedOut => "timed out",
            Self::Crashed => "crashed",
            Self::Skipped => "skipped",
            Self::Interrupted => "interrupted",
        })
    }
}
