//! The end of a worker: of its connection, and of its process.

use std::process::ExitStatus;

use tokio::process::Child;

use super::assignment::Assignment;
use crate::model::{AttemptReport, Output};
use crate::process::Reaped;

/// The next step after the connection of a worker has closed.
#[derive(Debug)]
pub(super) enum Disconnected {
    /// Wait for the end of this process.
    Process(Child),
    /// Nothing: the worker is a thread, or a process that stays with the resources of its failed test.
    Over,
}

/// The assignments that a worker did not begin, and the cause of its end.
#[derive(Debug)]
pub(super) struct WorkerEnded {
    /// The cases that the worker was given and has not begun, in their order.
    pub(super) not_begun: Vec<Assignment>,
    pub(super) cause: EndCause,
}

/// The moment at which a worker ended.
#[derive(Debug)]
pub(super) enum EndCause {
    /// After its last case, or because the supervisor ended it between two cases.
    Expected,
    /// In a case, which this report is about.
    InCase(Box<LostCase>),
    /// Before it could run its first case.
    BeforeStart { reason: String },
    /// While it ran no case.
    BetweenCases { reason: String },
}

/// A case whose worker ended before the case did.
#[derive(Debug)]
pub(super) struct LostCase {
    pub(super) assigned: Assignment,
    pub(super) report: AttemptReport,
    pub(super) output: Output,
}

/// The end of a worker whose process is not waited for, as if it had exited with success.
pub(super) fn not_reaped() -> Reaped {
    Reaped { status: ExitStatus::default(), is_killed: false }
}
