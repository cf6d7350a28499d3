//! The configuration of a worker.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::call_plan::CallPlan;
use super::config::{Capture, Failed, Isolation, Leaks, Limits, Require};
use super::id::Seed;
use super::mark::Mark;
use super::session::{SessionAddress, SessionConfig};
use super::trace::TraceScope;

/// The configuration that a worker receives at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkerConfig {
    /// The seed of the tests' random data.
    pub seed: Seed,
    /// The time limits.
    pub limits: Limits,
    /// How many tests of the run may run at the same time, in all workers together.
    pub jobs: NonZeroUsize,
    /// Whether the tests' output is captured.
    pub capture: Capture,
    /// What a test does if a service is missing.
    pub require: Require,
    /// What happens if a test leaks something.
    pub leaks: Leaks,
    /// What happens to the resources of a failed test.
    pub failed: Failed,
    /// Whether the worker is a process or a thread.
    pub isolation: Isolation,
    /// The threads whose `tracing` events are shown.
    #[serde(default)]
    pub trace: TraceScope,
    /// Variables for the worker's environment.
    #[serde(default)]
    pub environment: Vec<(String, String)>,
    /// The cases that were found at the start of the run, by the name and the location of their test.
    #[serde(default)]
    pub cases: Vec<(String, String)>,
    /// The address of the run's session.
    pub session: SessionAddress,
    /// The configuration of the session server, in case this worker starts it.
    pub session_config: SessionConfig,
    /// What the worker does with the calls of the code under test.
    #[serde(default)]
    pub calls: CallPlan,
    /// The mark that all processes started by the worker inherit.
    pub mark: Option<Mark>,
}
