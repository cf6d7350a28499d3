//! The fixed schedule of cases in a script, such as the lanes of `--lane`.

/// The number of a script's worker, counted from 0. A lane runs its cases in one process, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane(pub u32);

/// The condition for the start of a script's step, in addition to its lane and its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Every earlier step has begun.
    Begun,
    /// Every earlier step has ended.
    Ended,
    /// Fewer steps than this number run.
    FewerRun(usize),
}

/// The place of a step in the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The lane that runs the step.
    pub lane: Lane,
    /// The condition for the start of the step.
    pub after: After,
}
