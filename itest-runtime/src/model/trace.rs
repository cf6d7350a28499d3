//! Whose `tracing` events belong to the running test.

use serde::{Deserialize, Serialize};

/// Whose events of `tracing` are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TraceScope {
    /// Those of all threads: the process's own subscriber and logger are itest's.
    #[default]
    Process,
    /// Those of the threads that run tests and tasks. The process's own subscriber and logger are left to the code under test.
    Threads,
}
