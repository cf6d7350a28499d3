//! A panic, as the log of a worker has it.

use serde::{Deserialize, Serialize};

use super::outcome::{Phase, Problem};

/// A panic that happened while an attempt ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PanicRecord {
    /// How many panics the attempt had before this one.
    pub sequence: u32,
    /// The phase that the attempt was in.
    pub phase: Phase,
    /// The thread or task, in words, if the panic was not on the test's own stack.
    pub thread: Option<String>,
    /// What happened.
    pub problem: Problem,
    /// Whether the panic fails nothing: the test's code has caught it, or the test allows it.
    pub is_settled: bool,
}
