//! The log of a detection: all probes and their observations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::probe::{Noise, Observation, Probe, Spot};
use super::statistics::{Run, Tally};
use crate::model::{CaseIndex, Outcome, Phase, sort, sort_by_key};

/// Probes and their observations.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<(Probe, Vec<Observation>)>,
    /// The number of runs and failures of each test.
    tallies: BTreeMap<CaseIndex, Tally>,
    /// Tests that skipped themselves at least once.
    skipped: BTreeSet<CaseIndex>,
}

/// A probe, and the test in it whose outcome is of interest.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) probe: Probe,
    pub(super) spot: Spot,
}

impl Condition {
    /// The test whose outcome is of interest.
    pub(super) fn suspect(&self) -> Option<CaseIndex> {
        self.probe.lanes.get(self.spot.lane)?.get(self.spot.position).copied()
    }

    /// The approximate number of tests that ran before this one.
    fn size(&self) -> usize {
        self.spot.position * self.probe.lanes.len()
    }
}

impl Log {
    /// Adds a probe and its observations.
    pub(super) fn add(&mut self, probe: Probe, observations: Vec<Observation>) {
        for observation in &observations {
            if observation.outcome == Outcome::Skipped {
                self.skipped.insert(observation.case);
            }
            if let Some(run) = run(observation) {
                self.tallies.entry(observation.case).or_default().record(run);
            }
        }
        self.entries.push((probe, observations));
    }

    /// Adds a failure that was observed in an earlier run.
    pub(super) fn suspect(&mut self, seen: Condition) {
        let Some(case) = seen.suspect() else { return };
        let observation = Observation {
            case,
            spot: seen.spot,
            outcome: Outcome::Failed,
            phase: None,
            message: String::new(),
            elapsed: Duration::ZERO,
        };
        // It was a single failure, even if several conditions may explain it.
        self.tallies.insert(case, Tally::new(1, 1));
        self.entries.push((seen.probe, vec![observation]));
    }

    /// The number of runs and failures of a test.
    pub(super) fn tally(&self, case: CaseIndex) -> Tally {
        self.tallies.get(&case).copied().unwrap_or_default()
    }

    /// Whether a test has skipped itself in all its runs.
    pub(super) fn is_always_skipped(&self, case: CaseIndex) -> bool {
        self.skipped.contains(&case) && !self.tallies.contains_key(&case)
    }

    /// Tests that failed at least once.
    pub(super) fn suspects(&self) -> impl Iterator<Item = CaseIndex> {
        self.tallies.iter().filter(|(_, tally)| tally.failures() > 0).map(|(case, _)| *case)
    }

    /// The runs of a test that passed or failed.
    fn observations(&self, case: CaseIndex) -> impl Iterator<Item = (&Probe, &Observation, Run)> {
        let all =
            self.entries.iter().flat_map(|(probe, observations)| observations.iter().map(move |seen| (probe, seen)));
        let of_case = all.filter(move |(_, observation)| observation.case == case);
        of_case.filter_map(|(probe, observation)| Some((probe, observation, run(observation)?)))
    }

    /// Conditions under which a test ended as `ended`, starting with those that have few other tests.
    pub(super) fn conditions(&self, case: CaseIndex, ended: Run) -> Vec<Condition> {
        let ended = self.observations(case).filter(|(.., run)| *run == ended);
        let mut conditions: Vec<_> =
            ended.map(|(probe, observation, _)| Condition { probe: probe.clone(), spot: observation.spot }).collect();
        sort_by_key(&mut conditions, |condition| (condition.probe.lanes.len(), condition.size()));
        conditions
    }

    /// Counts, for each other test, how often it ran at the same time as a failure of this test.
    pub(super) fn concurrent_when_failing(&self, case: CaseIndex) -> BTreeMap<CaseIndex, usize> {
        let mut counts = BTreeMap::new();
        for (probe, observation, _) in self.observations(case).filter(|(.., run)| *run == Run::Failed) {
            for other in probe.beside(observation.spot) {
                *counts.entry(other).or_default() += 1;
            }
        }
        counts
    }

    /// The first observed failure of a test.
    pub(super) fn first_failure(&self, case: CaseIndex) -> Option<&Observation> {
        self.failures(case).next()
    }

    fn failures(&self, case: CaseIndex) -> impl Iterator<Item = &Observation> {
        let failed = self.observations(case).filter(|(.., run)| *run == Run::Failed);
        failed.map(|(_, observation, _)| observation)
    }

    /// The message of a failed setup, without numbers, if all failures of the test are failures of its setup.
    pub(super) fn failed_setup(&self, case: CaseIndex) -> Option<String> {
        let mut failures = self.failures(case);
        let is_setup_failure = |observation: &Observation| {
            observation.outcome == Outcome::Errored && matches!(observation.phase, Some(Phase::Setup | Phase::Arrange))
        };
        let first = failures.next().filter(|first| is_setup_failure(first))?;
        failures.all(is_setup_failure).then(|| without_numbers(&first.message))
    }

    /// The runs and failures of a test, split by whether `holds` is true.
    pub(super) fn split(&self, case: CaseIndex, holds: impl Fn(&Probe, &Observation) -> bool) -> (Tally, Tally) {
        let (mut with, mut without) = (Tally::default(), Tally::default());
        for (probe, observation, run) in self.observations(case) {
            if holds(probe, observation) { &mut with } else { &mut without }.record(run);
        }
        (with, without)
    }

    /// The median duration of failed runs and of passed runs.
    pub(super) fn durations(&self, case: CaseIndex) -> Option<(Duration, Duration)> {
        let median = |ended: Run| {
            let of = self.observations(case).filter(|(.., run)| *run == ended);
            let mut durations: Vec<_> = of.map(|(_, observation, _)| observation.elapsed).collect();
            sort(&mut durations);
            durations.get(durations.len() / 2).copied()
        };
        median(Run::Failed).zip(median(Run::Passed))
    }
}

/// Classifies an observation as passed or failed. A test that skipped itself or was interrupted does not show whether it would have
/// passed.
pub(super) fn run(observation: &Observation) -> Option<Run> {
    match observation.outcome {
        Outcome::Skipped | Outcome::Interrupted => None,
        _ if observation.failed() => Some(Run::Failed),
        _ => Some(Run::Passed),
    }
}

/// Whether the processors were kept busy during the probe.
pub(super) fn is_busy(probe: &Probe, _: &Observation) -> bool {
    probe.noise == Noise::Busy
}

/// Whether other tests ran at the same time.
pub(super) fn is_beside_others(probe: &Probe, observation: &Observation) -> bool {
    !probe.beside(observation.spot).is_empty()
}

/// Replaces each number with `#`, because addresses, ports and counts can differ where the cause is the same.
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
    fn skipped_and_interrupted_runs_are_neither_passed_nor_failed() {
        let case = CaseIndex(0);
        let mut log = Log::default();
        for outcome in [Outcome::Failed, Outcome::Skipped, Outcome::Interrupted] {
            let spot = Spot { lane: 0, position: 0 };
            let (message, elapsed) = (String::new(), Duration::from_millis(1));
            let observation = Observation { case, spot, outcome, phase: None, message, elapsed };
            log.add(Probe { lanes: vec![vec![case]], noise: Noise::Quiet }, vec![observation]);
        }
        assert_eq!(log.tally(case), Tally::new(1, 1));
        assert_eq!(log.split(case, |_, _| true), (Tally::new(1, 1), Tally::default()));
        assert!(log.conditions(case, Run::Passed).is_empty());
        assert_eq!(log.durations(case), None);
        assert!(!log.is_always_skipped(case));
    }

    #[test]
    fn messages_that_differ_only_in_numbers_have_one_cause() {
        assert_eq!(
            without_numbers("cannot connect to 127.0.0.1:4321"),
            without_numbers("cannot connect to 127.0.0.1:99")
        );
        assert_ne!(without_numbers("cannot connect"), without_numbers("cannot write"));
    }
}
