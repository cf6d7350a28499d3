//! Probes: the runs of tests from which the detection draws its conclusions.

use std::time::Duration;

use crate::model::{CaseIndex, Outcome, Phase};

/// A run of tests. Each lane is a new process; the lanes run in lockstep, with a new session and an empty temporary
/// directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    /// The tests of each process, in order.
    pub lanes: Vec<Vec<CaseIndex>>,
    /// Whether the processors are kept busy during the probe.
    pub noise: Noise,
}

/// Load on the processors during a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// No other load.
    Quiet,
    /// Another program keeps the processors busy.
    Busy,
}

impl Probe {
    /// A probe with a single process and no other load.
    #[must_use]
    pub(crate) fn of(lane: Vec<CaseIndex>) -> Self {
        Self { lanes: vec![lane], noise: Noise::Quiet }
    }

    /// The tests that ran before a place, in the order in which they started.
    #[must_use]
    pub(crate) fn before(&self, place: Spot) -> Vec<CaseIndex> {
        (0..place.position)
            .flat_map(|position| self.lanes.iter().filter_map(move |lane| lane.get(position)).copied())
            .collect()
    }

    /// The tests that ran at the same time as the test at a place.
    #[must_use]
    pub(crate) fn beside(&self, place: Spot) -> Vec<CaseIndex> {
        let others = self.lanes.iter().enumerate().filter(|(number, _)| *number != place.lane);
        others.filter_map(|(_, lane)| lane.get(place.position)).copied().collect()
    }
}

/// A place in a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The number of the lane.
    pub lane: usize,
    /// The index in the lane.
    pub position: usize,
}

/// The outcome of one test of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// The test.
    pub case: CaseIndex,
    /// The place of the test in the probe.
    pub spot: Spot,
    /// The outcome.
    pub outcome: Outcome,
    /// The phase of its first failure.
    pub phase: Option<Phase>,
    /// The first line of its first failure.
    pub message: String,
    /// The duration of all phases of the test together.
    pub elapsed: Duration,
}

impl Observation {
    /// Whether the test failed in any way. An interrupted test did not fail.
    #[must_use]
    pub(crate) fn failed(&self) -> bool {
        !self.outcome.is_success() && self.outcome != Outcome::Interrupted
    }
}

/// The detection was stopped: its time is used up, or the user interrupted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Runs probes for the detection.
pub(crate) trait ProbeRunner {
    /// Runs a probe. If a probe is interrupted, the tests that had ended are returned, and the next call returns an
    /// error.
    ///
    /// # Errors
    ///
    /// When no more probes can be run. The detection then ends with the observations so far.
    fn run(&mut self, probe: &Probe) -> Result<Vec<Observation>, Stopped>;
}
