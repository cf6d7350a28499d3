//! What a worker is told at its start.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::config::{Capture, Failed, Isolation, Leaks, Limits, Require};
use super::id::Seed;
use super::mark::Mark;
use super::session::{SessionAddress, SessionConfig};
use super::trace::TraceScope;

/// What a worker is told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerConfig {
    /// For the tests' random data.
    pub seed: Seed,
    /// Budgets of time.
    pub limits: Limits,
    /// How many tests of the run may run side by side, here and in other workers.
    pub jobs: NonZeroUsize,
    /// Whether output is captured.
    pub capture: Capture,
    /// What a missing service means.
    pub require: Require,
    /// What a leak means.
    pub leaks: Leaks,
    /// What becomes of a failed test's resources.
    pub failed: Failed,
    /// Whether the worker is a process.
    pub isolation: Isolation,
    /// Whose events of `tracing` are shown.
    #[serde(default)]
    pub trace: TraceScope,
    /// Variables it is to find in its environment.
    #[serde(default)]
    pub environment: Vec<(String, String)>,
    /// The run's session.
    pub session: SessionAddress,
    /// What its server is told, if this worker is the one that starts it.
    pub session_config: SessionConfig,
    /// The variable, and its value, that everything inherits that the worker starts.
    pub mark: Option<Mark>,
}
