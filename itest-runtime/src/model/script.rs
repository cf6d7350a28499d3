//! Where a case runs, if that is said beforehand.

/// A worker of a script, counted from 0: what it runs, it runs in one process, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane(pub u32);

/// What a step of a script waits for, beside its lane and its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Until every step before it has begun.
    Begun,
    /// Until every step before it has ended.
    Ended,
}

/// The place of a step in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The worker that runs it.
    pub lane: Lane,
    /// What it waits for.
    pub after: After,
}
