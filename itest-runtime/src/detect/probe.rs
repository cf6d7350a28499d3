//! An experiment: tests in lanes, run by somebody else.

use std::time::Duration;

use crate::model::{CaseIndex, Outcome, Phase};

/// What is run: each lane in a fresh process, all of them in lockstep, with a fresh session and temp dir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    /// What each process runs, in order.
    pub lanes: Vec<Vec<CaseIndex>>,
    /// Whether the processors are kept busy meanwhile.
    pub noise: Noise,
}

/// Whether the processors are kept busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noise {
    /// The tests have the machine to themselves.
    Quiet,
    /// Something else computes all the time.
    Busy,
}

impl Probe {
    /// One process, nothing beside it.
    #[must_use]
    pub(crate) fn of(lane: Vec<CaseIndex>) -> Self {
        Self { lanes: vec![lane], noise: Noise::Quiet }
    }

    /// What ran before a place, in the order in which it was started.
    #[must_use]
    pub(crate) fn before(&self, place: Spot) -> Vec<CaseIndex> {
        (0..place.position)
            .flat_map(|position| self.lanes.iter().filter_map(move |lane| lane.get(position)).copied())
            .collect()
    }

    /// What ran beside a place.
    #[must_use]
    pub(crate) fn beside(&self, place: Spot) -> Vec<CaseIndex> {
        let others = self.lanes.iter().enumerate().filter(|(number, _)| *number != place.lane);
        others.filter_map(|(_, lane)| lane.get(place.position)).copied().collect()
    }
}

/// A place in a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Which lane.
    pub lane: usize,
    /// The place in it.
    pub position: usize,
}

/// What became of one test of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// The test.
    pub case: CaseIndex,
    /// Where it ran.
    pub spot: Spot,
    /// How it ended.
    pub outcome: Outcome,
    /// The phase of its first failure.
    pub phase: Option<Phase>,
    /// The first line of its first failure.
    pub message: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Sighting {
    /// Whether it counts as a failure.
    #[must_use]
    pub(crate) fn failed(&self) -> bool {
        !self.outcome.is_success() && self.outcome != Outcome::Interrupted
    }
}

/// There is no time left, or somebody asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

/// Runs probes.
pub(crate) trait Laboratory {
    /// Runs a probe to its end; one that is interrupted tells what was over by then, and the next one is not run.
    ///
    /// # Errors
    ///
    /// When no more probes can be run; what is known until then is what there is.
    fn run(&mut self, probe: &Probe) -> Result<Vec<Sighting>, Stopped>;
}
