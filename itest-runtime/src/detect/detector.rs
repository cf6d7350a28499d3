//! The detection: a survey of all tests, and experiments with the tests that failed in the survey.

use std::collections::{BTreeMap, BTreeSet};

use super::experiment;
use super::log::Log;
use super::pairwise::{Round, pairwise_rounds};
use super::probe::{Noise, Observation, Probe, ProbeRunner, Stopped};
use crate::model::{CaseIndex, Lie, Seed, TestId, Verdict, map_of, mix, sort_by_cached_key, sort_by_key};

/// The number of random orders in which all tests run one after the other, in addition to forward and reverse. A victim
/// of two polluters that must run in one order fails in one sixth of random orders, so all of them miss it with a
/// probability of about 1 %.
const RANDOM_ORDERS: usize = 24;

/// The least number of runs of each test. A failure rate of 5 % is observed in 59 runs with a probability of 95 %.
const MIN_RUNS_PER_TEST: usize = 59;

/// The number of survey rounds after which new failures are examined.
const ROUNDS_BEFORE_EXAMINATION: usize = 16;

/// One of this many rounds runs with busy processors.
const BUSY_ROUND_INTERVAL: usize = 4;

/// The properties of a test that the detection uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The index of the test in the registry.
    pub index: CaseIndex,
    /// The name of the test.
    pub id: TestId,
    /// Properties that tests may have in common: module, tags, fixtures.
    pub shares: Vec<String>,
}

/// Events that are reported while a detection runs.
#[derive(Debug)]
pub(crate) enum DetectionProgress<'n> {
    /// The detection started a stage; the text describes it.
    Stage(&'n str),
    /// A test was examined.
    Verdict(&'n Verdict),
}

/// The result of a detection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Detection {
    /// A verdict for each test that failed.
    pub verdicts: Vec<Verdict>,
    /// The smallest number of runs of any test that does not always skip itself.
    pub least_runs: u32,
    /// The number of tests that skipped themselves in all their runs.
    pub skipped: usize,
}

/// The state of a running detection.
pub(super) struct Detector<'d> {
    pub(super) runner: LoggingRunner<'d>,
    pub(super) subjects: &'d [Subject],
    names: BTreeMap<CaseIndex, &'d TestId>,
    seed: Seed,
    /// The number of tests that run at the same time.
    lanes: usize,
    pub(super) verdicts: BTreeMap<CaseIndex, Verdict>,
    report_progress: &'d mut dyn FnMut(DetectionProgress<'_>),
}

/// A probe runner that writes all observations to the log.
pub(super) struct LoggingRunner<'d> {
    runner: &'d mut dyn ProbeRunner,
    pub(super) log: Log,
}

impl ProbeRunner for LoggingRunner<'_> {
    fn run(&mut self, probe: &Probe) -> Result<Vec<Observation>, Stopped> {
        let observations = self.runner.run(probe)?;
        self.log.add(probe.clone(), observations.clone());
        Ok(observations)
    }
}

/// Looks for unreliable tests. The subjects are in their declared order.
pub(crate) fn detect(
    runner: &mut dyn ProbeRunner,
    subjects: &[Subject],
    seed: Seed,
    lanes: usize,
    report_progress: &mut dyn FnMut(DetectionProgress<'_>),
) -> Detection {
    let mut detector = Detector {
        runner: LoggingRunner { runner, log: Log::default() },
        subjects,
        names: map_of(subjects.iter().map(|subject| (subject.index, &subject.id))),
        seed,
        lanes,
        verdicts: BTreeMap::new(),
        report_progress,
    };
    // If the detection is stopped, its result consists of the observations so far.
    let _ = detector.survey();
    detector.conclude()
}

/// Finds out why one test failed. The failure was observed after one of the prefixes, or at the same time as the tests
/// `beside`.
pub(crate) fn explain(
    runner: &mut dyn ProbeRunner,
    subjects: &[Subject],
    suspect: CaseIndex,
    prefixes: &[Vec<CaseIndex>],
    beside: &[CaseIndex],
) -> Detection {
    let mut log = Log::default();
    for prefix in prefixes {
        log.suspect(experiment::after(prefix, suspect));
    }
    if !beside.is_empty() {
        let [first, _] = experiment::beside(suspect, beside);
        log.suspect(first);
    }
    let mut detector = Detector {
        runner: LoggingRunner { runner, log },
        subjects,
        names: map_of(subjects.iter().map(|subject| (subject.index, &subject.id))),
        seed: Seed::default(),
        lanes: 1,
        verdicts: BTreeMap::new(),
        report_progress: &mut |_| (),
    };
    let verdict = detector.examine(suspect).unwrap_or_else(|Stopped| detector.unexamined(suspect));
    detector.verdicts.insert(suspect, verdict);
    // The number of other tests that skipped themselves is not part of the explanation.
    Detection { skipped: 0, ..detector.result() }
}

impl Detector<'_> {
    fn survey(&mut self) -> Result<(), Stopped> {
        self.stage("forward, backward, and each test twice in a row");
        let forward: Vec<CaseIndex> = self.subjects.iter().map(|subject| subject.index).collect();
        self.runner.run(&Probe::of(forward.clone()))?;
        self.runner.run(&Probe::of(forward.iter().rev().copied().collect()))?;
        self.examine_suspects()?;
        self.runner.run(&Probe::of(forward.iter().flat_map(|case| [*case, *case]).collect()))?;
        self.examine_suspects()?;
        self.stage("beside tests that share something with them");
        let groups = self.groups();
        self.rounds(&pairwise_rounds(&groups, self.lanes), 0)?;
        self.stage("in random orders, and each beside every other");
        self.rounds(&pairwise_rounds(&[forward], self.lanes), RANDOM_ORDERS)?;
        let missing = self.least_runs().map_or(0, |least| MIN_RUNS_PER_TEST.saturating_sub(least as usize));
        self.rounds(&[], missing)
    }

    /// Runs the rounds of a pairwise schedule, and `orders` random orders between them.
    fn rounds(&mut self, paired_rounds: &[Round<CaseIndex>], orders: usize) -> Result<(), Stopped> {
        let count = paired_rounds.len().max(orders);
        for number in 0..count {
            let noise =
                if number % BUSY_ROUND_INTERVAL == BUSY_ROUND_INTERVAL - 1 { Noise::Busy } else { Noise::Quiet };
            let seed = Seed(mix(self.seed, &format!("{count} rounds, {number}")));
            if let Some(round) = paired_rounds.get(number) {
                let lanes = self.side_by_side(round, seed);
                self.runner.run(&Probe { lanes, noise })?;
            }
            if number < orders {
                let order = self.shuffled(seed);
                self.runner.run(&Probe { lanes: vec![order], noise })?;
            }
            if number % ROUNDS_BEFORE_EXAMINATION == ROUNDS_BEFORE_EXAMINATION - 1 {
                self.examine_suspects()?;
            }
        }
        self.examine_suspects()
    }

    /// Groups of tests that have a property in common. Tests without such a property run together with others later.
    fn groups(&self) -> Vec<Vec<CaseIndex>> {
        let mut by_share: BTreeMap<&str, Vec<CaseIndex>> = BTreeMap::new();
        for subject in self.subjects {
            for share in &subject.shares {
                by_share.entry(share).or_default().push(subject.index);
            }
        }
        // A property that more than half of the tests have does not make a group. A test with several groups stays in
        // the smallest one.
        let mut groups: Vec<_> =
            by_share.into_values().filter(|group| group.len() > 1 && group.len() * 2 <= self.subjects.len()).collect();
        sort_by_key(&mut groups, Vec::len);
        let mut grouped = BTreeSet::new();
        for group in &mut groups {
            group.retain(|case| grouped.insert(*case));
        }
        groups
    }

    /// Turns the time slots of a round into lanes. Slots with more tests come first, so that the tests of a slot have
    /// the same index in their lanes.
    fn side_by_side(&self, round: &Round<CaseIndex>, seed: Seed) -> Vec<Vec<CaseIndex>> {
        let key = |case: &CaseIndex| mix(seed, self.name(*case).as_str());
        let mut slots: Vec<Vec<CaseIndex>> = round
            .iter()
            .map(|slot| {
                let mut slot: Vec<_> = slot.iter().copied().filter(|case| !self.is_broken(*case)).collect();
                sort_by_cached_key(&mut slot, key);
                slot
            })
            .filter(|slot| !slot.is_empty())
            .collect();
        sort_by_cached_key(&mut slots, |slot| (std::cmp::Reverse(slot.len()), slot.first().map(key)));
        let longest = slots.first().map_or(0, Vec::len);
        (0..longest).map(|lane| slots.iter().filter_map(|slot| slot.get(lane)).copied().collect()).collect()
    }

    fn shuffled(&self, seed: Seed) -> Vec<CaseIndex> {
        let cases = self.subjects.iter().map(|subject| subject.index).filter(|case| !self.is_broken(*case));
        let mut cases: Vec<_> = cases.collect();
        sort_by_cached_key(&mut cases, |case| mix(seed, self.name(*case).as_str()));
        cases
    }

    /// Whether a test always fails. More runs of such a test would give no more information.
    fn is_broken(&self, case: CaseIndex) -> bool {
        self.verdicts.get(&case).is_some_and(|verdict| verdict.lie == Lie::Broken)
    }

    fn examine_suspects(&mut self) -> Result<(), Stopped> {
        let suspects: Vec<_> = self.runner.log.suspects().filter(|case| !self.verdicts.contains_key(case)).collect();
        for suspect in suspects {
            let verdict = self.examine(suspect)?;
            (self.report_progress)(DetectionProgress::Verdict(&verdict));
            self.verdicts.insert(suspect, verdict);
        }
        Ok(())
    }

    /// Adds verdicts for tests that failed and were not examined.
    fn conclude(mut self) -> Detection {
        let unexamined_cases: Vec<_> =
            self.runner.log.suspects().filter(|case| !self.verdicts.contains_key(case)).collect();
        for case in unexamined_cases {
            let verdict = self.unexamined(case);
            (self.report_progress)(DetectionProgress::Verdict(&verdict));
            self.verdicts.insert(case, verdict);
        }
        self.result()
    }

    /// The result so far. Its failure rates include all runs.
    fn result(mut self) -> Detection {
        self.refresh_rates();
        let skipped = self.subjects.iter().filter(|subject| self.runner.log.is_always_skipped(subject.index)).count();
        let least_runs = self.least_runs().unwrap_or(0);
        Detection { least_runs, skipped, verdicts: self.verdicts.into_values().collect() }
    }

    /// The smallest number of runs of any test that does not always skip itself; `None` if there is no such test.
    fn least_runs(&self) -> Option<u32> {
        let log = &self.runner.log;
        let running = self.subjects.iter().filter(|subject| !log.is_always_skipped(subject.index));
        running.map(|subject| log.tally(subject.index).runs()).min()
    }

    fn stage(&mut self, words: &str) {
        (self.report_progress)(DetectionProgress::Stage(words));
    }

    pub(super) fn name(&self, case: CaseIndex) -> TestId {
        self.names.get(&case).map_or_else(|| TestId::new(""), |id| (*id).clone())
    }

    pub(super) fn names(&self, cases: &[CaseIndex]) -> Vec<TestId> {
        cases.iter().map(|case| self.name(*case)).collect()
    }
}
