//! Experiments with one test: the same condition again and again, and two conditions against each other.

use super::log::{Context, run};
use super::probe::{Laboratory, Noise, Probe, Sighting, Spot, Stopped};
use super::statistics::{Comparison, Run, StoppingRule, Tally};
use crate::model::CaseIndex;

/// A comparison that is not decided after so many runs of each side is given up.
const MOST_RUNS: u32 = 24;

/// Two conditions, and what came of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Compared {
    /// Where it is said to fail.
    pub(super) with: Tally,
    /// Where it is said not to.
    pub(super) without: Tally,
}

impl Compared {
    /// Whether it fails more often with the condition than without.
    pub(super) fn is_greater(self) -> bool {
        StoppingRule::default().compare(self.with, self.without) == Comparison::Greater
    }

    fn is_decided(self) -> bool {
        StoppingRule::default().compare(self.with, self.without) != Comparison::Undecided
    }
}

/// A test alone in a fresh process.
pub(super) fn alone(case: CaseIndex) -> Context {
    after(&[], case)
}

/// A test behind others in a fresh process.
pub(super) fn after(earlier: &[CaseIndex], case: CaseIndex) -> Context {
    let lane = earlier.iter().copied().chain([case]).collect();
    Context { probe: Probe::of(lane), spot: Spot { lane: 0, position: earlier.len() } }
}

/// A test beside others, each in a fresh process: once it begins first, once last, as of two that want the same one comes too late.
pub(super) fn beside(case: CaseIndex, others: &[CaseIndex]) -> [Context; 2] {
    let first: Vec<_> = [case].iter().chain(others).map(|case| vec![*case]).collect();
    let last: Vec<_> = others.iter().chain([&case]).map(|case| vec![*case]).collect();
    [(0, first), (others.len(), last)]
        .map(|(lane, lanes)| Context { probe: Probe { lanes, noise: Noise::Quiet }, spot: Spot { lane, position: 0 } })
}

/// Runs a condition once, and says what became of its test.
pub(super) fn once(lab: &mut dyn Laboratory, condition: &Context) -> Result<Option<Sighting>, Stopped> {
    let sightings = lab.run(&condition.probe)?;
    Ok(sightings.into_iter().find(|sighting| sighting.spot == condition.spot))
}

/// Runs a condition so many times.
pub(super) fn times(lab: &mut dyn Laboratory, condition: &Context, count: u32) -> Result<Tally, Stopped> {
    let mut tally = Tally::default();
    for _ in 0..count {
        if let Some(sighting) = once(lab, condition)? {
            tally.record(run(&sighting));
        }
    }
    Ok(tally)
}

/// Runs a condition until it ended in a way, at most so many times; says whether it did.
pub(super) fn ever(lab: &mut dyn Laboratory, condition: &Context, ended: Run, most: u32) -> Result<bool, Stopped> {
    for _ in 0..most {
        if once(lab, condition)?.is_some_and(|sighting| run(&sighting) == ended) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs two conditions until it is known whether a test fails more often with the first one.
///
/// What is known already is taken up and added to. There are `glance` runs at least: if none of them fails, the condition is not worth
/// more.
pub(super) fn compare(
    lab: &mut dyn Laboratory,
    with: &Context,
    without: &Context,
    known: Compared,
    glance: u32,
) -> Result<Compared, Stopped> {
    let mut compared = known;
    while compared.with.runs() < glance && compared.with.failures() == 0 {
        compared.with = compared.with.add(times(lab, with, 1)?);
    }
    while compared.with.failures() > 0 && !compared.is_decided() && compared.with.runs() < MOST_RUNS {
        compared.with = compared.with.add(times(lab, with, 1)?);
        if compared.without.runs() < compared.with.runs() && !compared.is_decided() {
            compared.without = compared.without.add(times(lab, without, 1)?);
        }
    }
    Ok(compared)
}
