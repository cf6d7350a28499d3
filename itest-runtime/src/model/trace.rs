//! The threads whose `tracing` events are shown with the running test.

use serde::{Deserialize, Serialize};

/// The threads whose `tracing` events are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceScope {
    /// All threads. The harness installs the global subscriber and logger of the process.
    #[default]
    Process,
    /// The threads that run tests and tasks. The code under test may install the global subscriber and logger of the process.
    Threads,
}
