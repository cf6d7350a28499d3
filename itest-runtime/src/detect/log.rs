//! Everything that was seen so far.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::probe::{Noise, Probe, Sighting, Spot};
use super::statistics::{Run, Tally};
use crate::model::{CaseIndex, Outcome, Phase};

/// Probes and what came of them.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<(Probe, Vec<Sighting>)>,
    /// How often each test ran, and failed.
    tallies: BTreeMap<CaseIndex, Tally>,
    /// The tests that skipped themselves at least once.
    skipped: BTreeSet<CaseIndex>,
}

/// A place at which a test was seen, in its probe.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) probe: Probe,
    pub(super) spot: Spot,
}

impl Context {
    /// The test that it is about.
    pub(super) fn suspect(&self) -> Option<CaseIndex> {
        self.probe.lanes.get(self.spot.lane)?.get(self.spot.position).copied()
    }

    /// How many tests had to do with it.
    fn size(&self) -> usize {
        self.spot.position * self.probe.lanes.len()
    }
}

impl Log {
    /// Writes down what came of a probe.
    pub(super) fn add(&mut self, probe: Probe, sightings: Vec<Sighting>) {
        for sighting in &sightings {
            match sighting.outcome {
                Outcome::Interrupted => {}
                // It says nothing about what the test would have done.
                Outcome::Skipped => drop(self.skipped.insert(sighting.case)),
                _ => self.tallies.entry(sighting.case).or_default().record(run(sighting)),
            }
        }
        self.entries.push((probe, sightings));
    }

    /// Writes down a failure that somebody else has seen.
    pub(super) fn suspect(&mut self, seen: Context) {
        let Some(case) = seen.suspect() else { return };
        let sighting = Sighting {
            case,
            spot: seen.spot,
            outcome: Outcome::Failed,
            phase: None,
            message: String::new(),
            elapsed: Duration::ZERO,
        };
        // It was one failure, however many explanations there are for it.
        self.tallies.insert(case, Tally::new(1, 1));
        self.entries.push((seen.probe, vec![sighting]));
    }

    /// How often a test ran, and how often it failed.
    pub(super) fn tally(&self, case: CaseIndex) -> Tally {
        self.tallies.get(&case).copied().unwrap_or_default()
    }

    /// Whether a test has skipped itself whenever it was to run.
    pub(super) fn is_always_skipped(&self, case: CaseIndex) -> bool {
        self.skipped.contains(&case) && !self.tallies.contains_key(&case)
    }

    /// The tests that failed at least once.
    pub(super) fn suspects(&self) -> impl Iterator<Item = CaseIndex> {
        self.tallies.iter().filter(|(_, tally)| tally.failures() > 0).map(|(case, _)| *case)
    }

    fn sightings(&self, case: CaseIndex) -> impl Iterator<Item = (&Probe, &Sighting)> {
        let all = self.entries.iter().flat_map(|(probe, sightings)| sightings.iter().map(move |seen| (probe, seen)));
        all.filter(move |(_, sighting)| sighting.case == case)
    }

    /// Where a test ended in a way, with few others before and beside it first.
    pub(super) fn contexts(&self, case: CaseIndex, ended: Run) -> Vec<Context> {
        let ended = self.sightings(case).filter(|(_, sighting)| run(sighting) == ended);
        let mut contexts: Vec<_> =
            ended.map(|(probe, sighting)| Context { probe: probe.clone(), spot: sighting.spot }).collect();
        contexts.sort_by_key(|context| (context.probe.lanes.len(), context.size()));
        contexts
    }

    /// How often each test ran beside this one when it failed.
    pub(super) fn neighbours(&self, case: CaseIndex) -> BTreeMap<CaseIndex, usize> {
        let mut met = BTreeMap::new();
        for (probe, sighting) in self.sightings(case).filter(|(_, sighting)| sighting.failed()) {
            for other in probe.beside(sighting.spot) {
                *met.entry(other).or_default() += 1;
            }
        }
        met
    }

    /// What a test failed with the first time.
    pub(super) fn first_failure(&self, case: CaseIndex) -> Option<&Sighting> {
        self.sightings(case).map(|(_, sighting)| sighting).find(|sighting| sighting.failed())
    }

    /// The failure of what a test needs, if it never failed otherwise: its message without what differs from time to time.
    pub(super) fn missing(&self, case: CaseIndex) -> Option<String> {
        let mut failures = self.sightings(case).map(|(_, sighting)| sighting).filter(|sighting| sighting.failed());
        let is_missing = |sighting: &Sighting| {
            sighting.outcome == Outcome::Errored && matches!(sighting.phase, Some(Phase::Setup | Phase::Arrange))
        };
        let first = failures.next().filter(|first| is_missing(first))?;
        failures.all(is_missing).then(|| without_numbers(&first.message))
    }

    /// How often a test failed under two opposite circumstances.
    pub(super) fn split(&self, case: CaseIndex, holds: impl Fn(&Probe, &Sighting) -> bool) -> (Tally, Tally) {
        let (mut with, mut without) = (Tally::default(), Tally::default());
        for (probe, sighting) in self.sightings(case) {
            if holds(probe, sighting) { &mut with } else { &mut without }.record(run(sighting));
        }
        (with, without)
    }

    /// The median length of runs that failed, and of those that passed.
    pub(super) fn lengths(&self, case: CaseIndex) -> Option<(Duration, Duration)> {
        let median = |failed: bool| {
            let of = self.sightings(case).filter(|(_, sighting)| sighting.failed() == failed);
            let mut lengths: Vec<_> = of.map(|(_, sighting)| sighting.elapsed).collect();
            lengths.sort();
            lengths.get(lengths.len() / 2).copied()
        };
        median(true).zip(median(false))
    }
}

/// How a run counts.
pub(super) fn run(sighting: &Sighting) -> Run {
    if sighting.failed() { Run::Failed } else { Run::Passed }
}

/// Whether the processors were kept busy.
pub(super) fn is_busy(probe: &Probe, _: &Sighting) -> bool {
    probe.noise == Noise::Busy
}

/// Whether others ran beside it.
pub(super) fn is_beside_others(probe: &Probe, sighting: &Sighting) -> bool {
    !probe.beside(sighting.spot).is_empty()
}

/// Addresses, ports and counts differ where the cause is the same.
fn without_numbers(message: &str) -> String {
    let mut text = String::new();
    for character in message.chars() {
        if !character.is_ascii_digit() {
            text.push(character);
        } else if !text.ends_with('#') {
            text.push('#');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cause_with_other_numbers_is_one_cause() {
        assert_eq!(
            without_numbers("cannot connect to 127.0.0.1:4321"),
            without_numbers("cannot connect to 127.0.0.1:99")
        );
        assert_ne!(without_numbers("cannot connect"), without_numbers("cannot write"));
    }
}
