//! The detection: a survey over all tests, and experiments with those that failed in it.

use std::collections::{BTreeMap, BTreeSet};

use super::experiment;
use super::log::Log;
use super::meetings::{Round, meetings};
use super::probe::{Laboratory, Noise, Probe, Sighting, Stopped};
use crate::model::{CaseIndex, Lie, Seed, TestId, Verdict, mix};

/// Orders in which all tests run one after the other, beside forward and reverse. A victim of two polluters, needed in one order, fails
/// in a sixth of them: all of them miss it in one case of a hundred.
const RANDOM_ORDERS: usize = 24;

/// So often each test runs at least. Of failures of 5 % 95 % are seen in 59 runs.
const LEAST_RUNS: usize = 59;

/// After so many rounds those that failed are examined.
const ROUNDS_BETWEEN: usize = 16;

/// In every so-manieth round the processors are kept busy.
const BUSY_EVERY: usize = 4;

/// A test, as far as the detection must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Its position in the registry.
    pub index: CaseIndex,
    /// Its name.
    pub id: TestId,
    /// What it may share with others: its module, its tags, its fixtures.
    pub shares: Vec<String>,
}

/// What is told while the detection goes on.
#[derive(Debug)]
pub(crate) enum Note<'n> {
    /// What is done now.
    Stage(&'n str),
    /// Something was found out.
    Verdict(&'n Verdict),
}

/// What came of a detection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Detection {
    /// One for each test that failed.
    pub verdicts: Vec<Verdict>,
    /// How often the test ran that ran least, of those that ran at all.
    pub least_runs: u32,
    /// How many tests skipped themselves each time.
    pub skipped: usize,
}

/// A detection that goes on.
pub(super) struct Detective<'d> {
    pub(super) lab: Notebook<'d>,
    pub(super) subjects: &'d [Subject],
    names: BTreeMap<CaseIndex, &'d TestId>,
    seed: Seed,
    /// How many tests run side by side.
    lanes: usize,
    pub(super) verdicts: BTreeMap<CaseIndex, Verdict>,
    tell: &'d mut dyn FnMut(Note<'_>),
}

/// A laboratory whose results are all written down.
pub(super) struct Notebook<'d> {
    lab: &'d mut dyn Laboratory,
    pub(super) log: Log,
}

impl Laboratory for Notebook<'_> {
    fn run(&mut self, probe: &Probe) -> Result<Vec<Sighting>, Stopped> {
        let sightings = self.lab.run(probe)?;
        self.log.add(probe.clone(), sightings.clone());
        Ok(sightings)
    }
}

/// Looks for tests that lie among these, which stand in their declared order.
pub(crate) fn detect(
    lab: &mut dyn Laboratory,
    subjects: &[Subject],
    seed: Seed,
    lanes: usize,
    tell: &mut dyn FnMut(Note<'_>),
) -> Detection {
    let mut detective = Detective {
        lab: Notebook { lab, log: Log::default() },
        subjects,
        names: subjects.iter().map(|subject| (subject.index, &subject.id)).collect(),
        seed,
        lanes,
        verdicts: BTreeMap::new(),
        tell,
    };
    // Where it is stopped, what is known until then is what there is.
    let _ = detective.survey();
    detective.conclude()
}

/// Finds out why one test failed that failed behind one of these prefixes, or beside these neighbours.
pub(crate) fn explain(
    lab: &mut dyn Laboratory,
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
    let mut detective = Detective {
        lab: Notebook { lab, log },
        subjects,
        names: subjects.iter().map(|subject| (subject.index, &subject.id)).collect(),
        seed: Seed::default(),
        lanes: 1,
        verdicts: BTreeMap::new(),
        tell: &mut |_| (),
    };
    let verdict = detective.examine(suspect).unwrap_or_else(|Stopped| detective.unexamined(suspect));
    detective.verdicts.insert(suspect, verdict);
    // What the others did is not the question.
    Detection { skipped: 0, ..detective.result() }
}

impl Detective<'_> {
    fn survey(&mut self) -> Result<(), Stopped> {
        self.stage("forward, backward, and each test twice in a row");
        let forward: Vec<CaseIndex> = self.subjects.iter().map(|subject| subject.index).collect();
        self.lab.run(&Probe::of(forward.clone()))?;
        self.lab.run(&Probe::of(forward.iter().rev().copied().collect()))?;
        self.examine_suspects()?;
        self.lab.run(&Probe::of(forward.iter().flat_map(|case| [*case, *case]).collect()))?;
        self.examine_suspects()?;
        self.stage("beside those that they share something with");
        let groups = self.groups();
        self.rounds(&meetings(&groups, self.lanes), 0)?;
        self.stage("in random orders, and each beside every other");
        self.rounds(&meetings(&[forward], self.lanes), RANDOM_ORDERS)?;
        let missing = self.least_runs().map_or(0, |least| LEAST_RUNS.saturating_sub(least as usize));
        self.rounds(&[], missing)
    }

    /// Runs these rounds, and so many random orders among them.
    fn rounds(&mut self, met: &[Round<CaseIndex>], orders: usize) -> Result<(), Stopped> {
        let count = met.len().max(orders);
        for number in 0..count {
            let noise = if number % BUSY_EVERY == BUSY_EVERY - 1 { Noise::Busy } else { Noise::Quiet };
            let seed = Seed(mix(self.seed, &format!("{count} rounds, {number}")));
            if let Some(round) = met.get(number) {
                let lanes = self.side_by_side(round, seed);
                self.lab.run(&Probe { lanes, noise })?;
            }
            if number < orders {
                let order = self.shuffled(seed);
                self.lab.run(&Probe { lanes: vec![order], noise })?;
            }
            if number % ROUNDS_BETWEEN == ROUNDS_BETWEEN - 1 {
                self.examine_suspects()?;
            }
        }
        self.examine_suspects()
    }

    /// Tests that share something; one that shares nothing meets others later.
    fn groups(&self) -> Vec<Vec<CaseIndex>> {
        let mut by_share: BTreeMap<&str, Vec<CaseIndex>> = BTreeMap::new();
        for subject in self.subjects {
            for share in &subject.shares {
                by_share.entry(share).or_default().push(subject.index);
            }
        }
        // What nearly all share is nothing special; those that are in many groups meet in the first one of them.
        let mut groups: Vec<_> =
            by_share.into_values().filter(|group| group.len() > 1 && group.len() * 2 <= self.subjects.len()).collect();
        groups.sort_by_key(Vec::len);
        let mut taken = BTreeSet::new();
        for group in &mut groups {
            group.retain(|case| taken.insert(*case));
        }
        groups
    }

    /// Beats become lanes: full ones first, so that what meets stands at one place.
    fn side_by_side(&self, round: &Round<CaseIndex>, seed: Seed) -> Vec<Vec<CaseIndex>> {
        let key = |case: &CaseIndex| mix(seed, self.name(*case).as_str());
        let mut beats: Vec<Vec<CaseIndex>> = round
            .iter()
            .map(|beat| {
                let mut beat: Vec<_> = beat.iter().copied().filter(|case| !self.is_broken(*case)).collect();
                beat.sort_by_key(key);
                beat
            })
            .filter(|beat| !beat.is_empty())
            .collect();
        beats.sort_by_key(|beat| (std::cmp::Reverse(beat.len()), beat.first().map(key)));
        let longest = beats.first().map_or(0, Vec::len);
        (0..longest).map(|lane| beats.iter().filter_map(|beat| beat.get(lane)).copied().collect()).collect()
    }

    fn shuffled(&self, seed: Seed) -> Vec<CaseIndex> {
        let cases = self.subjects.iter().map(|subject| subject.index).filter(|case| !self.is_broken(*case));
        let mut cases: Vec<_> = cases.collect();
        cases.sort_by_cached_key(|case| mix(seed, self.name(*case).as_str()));
        cases
    }

    /// What always fails says nothing more by failing again.
    fn is_broken(&self, case: CaseIndex) -> bool {
        self.verdicts.get(&case).is_some_and(|verdict| verdict.lie == Lie::Broken)
    }

    fn examine_suspects(&mut self) -> Result<(), Stopped> {
        let suspects: Vec<_> = self.lab.log.suspects().filter(|case| !self.verdicts.contains_key(case)).collect();
        for suspect in suspects {
            let verdict = self.examine(suspect)?;
            (self.tell)(Note::Verdict(&verdict));
            self.verdicts.insert(suspect, verdict);
        }
        Ok(())
    }

    /// Those that failed and were not examined are told, too; rates are those of all runs.
    fn conclude(mut self) -> Detection {
        let left: Vec<_> = self.lab.log.suspects().filter(|case| !self.verdicts.contains_key(case)).collect();
        for case in left {
            let verdict = self.unexamined(case);
            (self.tell)(Note::Verdict(&verdict));
            self.verdicts.insert(case, verdict);
        }
        self.result()
    }

    /// The verdicts so far, with the rates of all runs.
    fn result(mut self) -> Detection {
        self.refresh_rates();
        let skipped = self.subjects.iter().filter(|subject| self.lab.log.is_always_skipped(subject.index)).count();
        let least_runs = self.least_runs().unwrap_or(0);
        Detection { least_runs, skipped, verdicts: self.verdicts.into_values().collect() }
    }

    /// How often the test ran that ran least. What always skips itself does not run; none if nothing else is there.
    fn least_runs(&self) -> Option<u32> {
        let log = &self.lab.log;
        let running = self.subjects.iter().filter(|subject| !log.is_always_skipped(subject.index));
        running.map(|subject| log.tally(subject.index).runs()).min()
    }

    fn stage(&mut self, words: &str) {
        (self.tell)(Note::Stage(words));
    }

    pub(super) fn name(&self, case: CaseIndex) -> TestId {
        self.names.get(&case).map_or_else(|| TestId::new(""), |id| (*id).clone())
    }

    pub(super) fn names(&self, cases: &[CaseIndex]) -> Vec<TestId> {
        cases.iter().map(|case| self.name(*case)).collect()
    }
}
