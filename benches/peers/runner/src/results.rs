//! The measured values. Values that were not measured are missing.

use figures::Samples;

use crate::launcher::Peak;
use crate::peer::Peer;
use crate::suite::Suite;

/// All results of one comparison.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) runs: Vec<(Peer, Samples)>,
    pub(crate) rebuilds: Vec<(Suite, Samples)>,
    pub(crate) sizes: Vec<(Suite, u64)>,
    pub(crate) scale: Vec<(Suite, Scale)>,
    pub(crate) starts: Vec<(Start, Samples)>,
    pub(crate) memory: Vec<(Suite, Peak)>,
    pub(crate) cold: Vec<(Cold, Samples)>,
    /// Notes about peers that were left out.
    pub(crate) notes: Vec<String>,
}

/// Runs of a suite, and of a suite ten times as large.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    pub(crate) small: Samples,
    pub(crate) large: Samples,
}

/// The start of a program that does little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Empty,
    List(Suite),
    Exact(Suite),
}

/// A build from an empty target directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cold {
    Itest,
    ItestDefault,
    TestR,
}

/// The value of one subject.
pub(crate) fn of<Subject: PartialEq + Copy, Value>(measured: &[(Subject, Value)], subject: Subject) -> Option<&Value> {
    measured.iter().find_map(|(known, value)| (*known == subject).then_some(value))
}
