//! Experiments with one test: they repeat a condition, and compare the failure rates of two conditions.

use super::log::{Condition, run};
use super::probe::{Noise, Observation, Probe, ProbeRunner, Spot, Stopped};
use super::statistics::{Comparison, Run, StoppingRule, Tally};
use crate::model::CaseIndex;

/// A comparison that is undecided after this many runs of each condition ends without a result.
const MAX_RUNS: u32 = 24;

/// The runs and failures under two conditions.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TallyPair {
    /// Runs under the condition that is suspected to cause the failure.
    pub(super) with: Tally,
    /// Runs without the suspected condition.
    pub(super) without: Tally,
}

impl TallyPair {
    /// Whether the test fails more often with the condition than without.
    pub(super) fn is_greater(self) -> bool {
        StoppingRule::default().compare(self.with, self.without) == Comparison::Greater
    }

    fn is_decided(self) -> bool {
        StoppingRule::default().compare(self.with, self.without) != Comparison::Undecided
    }
}

/// The test alone in a new process.
pub(super) fn alone(case: CaseIndex) -> Condition {
    after(&[], case)
}

/// The test after other tests in one new process.
pub(super) fn after(earlier: &[CaseIndex], case: CaseIndex) -> Condition {
    let lane = earlier.iter().copied().chain([case]).collect();
    Condition { probe: Probe::of(lane), spot: Spot { lane: 0, position: earlier.len() } }
}

/// The test at the same time as others, each in a new process. There are two conditions, because processes start one
/// after the other: the test starts first, or last. Of two tests that compete for a resource, the later one may be the
/// one that fails.
pub(super) fn beside(case: CaseIndex, others: &[CaseIndex]) -> [Condition; 2] {
    let first: Vec<_> = [case].iter().chain(others).map(|case| vec![*case]).collect();
    let last: Vec<_> = others.iter().chain([&case]).map(|case| vec![*case]).collect();
    [(0, first), (others.len(), last)].map(|(lane, lanes)| Condition {
        probe: Probe { lanes, noise: Noise::Quiet },
        spot: Spot { lane, position: 0 },
    })
}

/// Runs a condition once, and returns the observation of its test.
pub(super) fn run_once(runner: &mut dyn ProbeRunner, condition: &Condition) -> Result<Option<Observation>, Stopped> {
    let observations = runner.run(&condition.probe)?;
    Ok(observations.into_iter().find(|observation| observation.spot == condition.spot))
}

/// Runs a condition `count` times.
pub(super) fn run_times(runner: &mut dyn ProbeRunner, condition: &Condition, count: u32) -> Result<Tally, Stopped> {
    let mut tally = Tally::default();
    for _ in 0..count {
        if let Some(run) = run_once(runner, condition)?.as_ref().and_then(run) {
            tally.record(run);
        }
    }
    Ok(tally)
}

/// Runs a condition until the test ends as `ended`, at most `max_runs` times. Returns whether it did.
pub(super) fn any_run_ends(
    runner: &mut dyn ProbeRunner,
    condition: &Condition,
    ended: Run,
    max_runs: u32,
) -> Result<bool, Stopped> {
    for _ in 0..max_runs {
        if run_once(runner, condition)?.as_ref().and_then(run) == Some(ended) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs two conditions until it is known whether the test fails more often under the first one.
///
/// The comparison continues from the runs in `known`. The first condition runs `min_runs` times, or until its first
/// failure. If the test never fails in these runs, the comparison ends, because more runs are unlikely to change the
/// result.
pub(super) fn compare(
    runner: &mut dyn ProbeRunner,
    with: &Condition,
    without: &Condition,
    known: TallyPair,
    min_runs: u32,
) -> Result<TallyPair, Stopped> {
    let mut compared = known;
    // A test that skips itself under a condition adds no run, so that the attempts are limited as well.
    let mut attempts = 0..2 * MAX_RUNS;
    while compared.with.runs() < min_runs && compared.with.failures() == 0 && attempts.next().is_some() {
        compared.with = compared.with.add(run_times(runner, with, 1)?);
    }
    while compared.with.failures() > 0
        && !compared.is_decided()
        && compared.with.runs() < MAX_RUNS
        && attempts.next().is_some()
    {
        compared.with = compared.with.add(run_times(runner, with, 1)?);
        if compared.without.runs() < compared.with.runs() && !compared.is_decided() {
            compared.without = compared.without.add(run_times(runner, without, 1)?);
        }
    }
    Ok(compared)
}
