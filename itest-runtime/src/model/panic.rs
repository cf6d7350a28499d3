//! A panic in the log of a worker.

use serde::{Deserialize, Serialize};

use super::attempt::Problem;
use super::outcome::Phase;

/// A panic that happened while an attempt ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PanicRecord {
    /// The number of earlier panics in the attempt.
    pub sequence: u32,
    /// The phase of the attempt.
    pub phase: Phase,
    /// The description of the thread or task, if the panic was not on the test's own stack.
    pub thread: Option<String>,
    /// The message and location.
    pub problem: Problem,
    /// Whether the panic does not fail the test, because the test's code has caught it or the test allows it.
    pub is_settled: bool,
}
