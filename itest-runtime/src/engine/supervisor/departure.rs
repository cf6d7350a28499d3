//! What a worker leaves to the run when its connection closes and when it has ended.

use std::process::ExitStatus;

use tokio::process::Child;

use super::assignment::Assignment;
use crate::model::{AttemptReport, Output};
use crate::process::Reaped;

/// What follows from the end of a worker's connection.
#[derive(Debug)]
pub(super) enum Disconnected {
    /// A process that has to be waited for.
    Process(Child),
    /// A thread, or a process that stays with what its failed test has taken.
    Over,
}

/// What a worker leaves to the run when it ends.
#[derive(Debug)]
pub(super) struct WorkerEnded {
    /// The cases that it was given and has not begun, in their order.
    pub(super) not_begun: Vec<Assignment>,
    pub(super) cause: EndCause,
}

/// When a worker ended.
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
