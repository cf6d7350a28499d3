//! What happens to the calls of the code under test: they are ignored, observed, or one of them gets a fault.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::outcome::Phase;
use super::planned_fault::{Call, CallKind, PlannedFault};
use super::script::Lane;

/// What a worker does with the calls of the code under test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallPlan {
    /// Calls are neither observed nor changed.
    #[default]
    Ignore,
    /// Calls are observed.
    Observe,
    /// One call gets a fault.
    Inject(FaultExecution),
}

impl CallPlan {
    /// How long a test may take that may usually take as long as `usual`. The limit of an execution with a fault may be longer, because a
    /// test whose limit is short would seem to hang.
    #[must_use]
    pub(crate) fn limit_of(&self, usual: Duration) -> Duration {
        match self {
            Self::Inject(FaultExecution { limit: Some(limit), .. }) => *limit,
            _ => usual,
        }
    }
}

/// An execution of a test in which one call gets a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FaultExecution {
    pub fault: PlannedFault,
    /// How long the test may take, if that is not its usual limit.
    pub limit: Option<Duration>,
    pub judged_by: FaultJudge,
}

/// Who judges how a test took a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultJudge {
    /// The explorer, which knows what the test does without the fault.
    Explorer,
    /// The report of the test, because the user has named the fault.
    Report,
}

/// What all workers of a run do with the calls of the code under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunCallPlan {
    /// Each worker does the same.
    Same(CallPlan),
    /// Each lane of the script has an execution of its own.
    EachLane(Arc<[FaultExecution]>),
}

impl Default for RunCallPlan {
    fn default() -> Self {
        Self::Same(CallPlan::Ignore)
    }
}

impl RunCallPlan {
    /// The plan of the worker that runs a lane.
    #[must_use]
    pub(crate) fn of(&self, lane: Option<Lane>) -> CallPlan {
        match self {
            Self::Same(plan) => plan.clone(),
            Self::EachLane(executions) => {
                let execution = lane.and_then(|lane| executions.get(lane.0 as usize));
                execution.cloned().map_or(CallPlan::Ignore, CallPlan::Inject)
            }
        }
    }
}

/// A call that was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObservedCall {
    pub call: Call,
    pub kind: CallKind,
    pub phase: Phase,
}

/// What was observed of the calls of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallObservations {
    pub calls: Vec<ObservedCall>,
    /// Whether the planned fault was injected.
    pub is_injected: bool,
    /// Whether the body of the test panicked. Otherwise it returned an error, or something else failed.
    pub has_panicked: bool,
    /// The essential stubs of which the service has processed no call, because of the fault.
    pub unanswered: Vec<String>,
    /// The descriptions of what was unfinished when the test ended: open transactions, and messages without an acknowledgement.
    pub unfinished: Vec<String>,
}
