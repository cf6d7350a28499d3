//! A simulated suite with known rules, so that tests can check the verdicts of the detection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::model::{CaseIndex, Lie, Outcome, Phase, Seed, TestId, Verdict, mix};

/// What a simulated test changes, and when it fails. Tests set, clear and read flags, which all lanes of a probe share.
#[derive(Debug, Clone, Default)]
struct Rule {
    sets: Option<u32>,
    /// The test sets its flag only if this flag is set.
    armed_by: Option<u32>,
    clears: Option<u32>,
    /// The test fails if all of these flags are set.
    fails_with: Vec<u32>,
    /// The test fails unless this flag is set.
    needs: Option<u32>,
    beside: Option<u32>,
    /// The probability of a random failure, in percent.
    percent: u64,
    outcome: Option<Outcome>,
}

struct SimulatedSuite {
    rules: BTreeMap<u32, Rule>,
    seed: u64,
    executions: usize,
    probes: usize,
    budget: usize,
    was_stopped: bool,
}

impl ProbeRunner for SimulatedSuite {
    fn run(&mut self, probe: &Probe) -> Result<Vec<Observation>, Stopped> {
        let count: usize = probe.lanes.iter().map(Vec::len).sum();
        if self.executions + count > self.budget {
            self.was_stopped = true;
            return Err(Stopped);
        }
        self.executions += count;
        self.probes += 1;
        let mut flags: BTreeSet<u32> = BTreeSet::new();
        let mut observations = Vec::new();
        for position in 0..probe.lanes.iter().map(Vec::len).max().unwrap_or(0) {
            for (lane, cases) in probe.lanes.iter().enumerate() {
                let Some(case) = cases.get(position) else { continue };
                let spot = Spot { lane, position };
                let rule = self.rules.get(&case.0).cloned().unwrap_or_default();
                self.seed = mix(Seed(self.seed), "next");
                let beside = probe.beside(spot);
                let fails = !rule.fails_with.is_empty() && rule.fails_with.iter().all(|flag| flags.contains(flag))
                    || rule.needs.is_some_and(|flag| !flags.contains(&flag))
                    || rule.beside.is_some_and(|other| beside.contains(&CaseIndex(other)))
                    || self.seed % 100 < rule.percent;
                let outcome = if fails { rule.outcome.unwrap_or(Outcome::Failed) } else { Outcome::Passed };
                observations.push(Observation {
                    case: *case,
                    spot,
                    outcome,
                    phase: fails.then_some(if outcome == Outcome::Errored { Phase::Setup } else { Phase::Act }),
                    message: if fails { "no".to_owned() } else { String::new() },
                    elapsed: Duration::from_millis(1),
                });
                if let Some(flag) = rule.clears {
                    flags.remove(&flag);
                }
                if let Some(flag) = rule.sets.filter(|_| rule.armed_by.is_none_or(|armed| flags.contains(&armed))) {
                    flags.insert(flag);
                }
            }
        }
        Ok(observations)
    }
}

fn simulated_suite(rules: impl IntoIterator<Item = (u32, Rule)>, seed: u64) -> SimulatedSuite {
    SimulatedSuite {
        rules: rules.into_iter().collect(),
        seed,
        executions: 0,
        probes: 0,
        budget: usize::MAX,
        was_stopped: false,
    }
}

fn sets(flag: u32) -> Rule {
    Rule { sets: Some(flag), ..Rule::default() }
}

fn fails_with(flags: &[u32]) -> Rule {
    Rule { fails_with: flags.to_vec(), ..Rule::default() }
}

fn subjects(count: u32) -> Vec<Subject> {
    let subject =
        |number| Subject { index: CaseIndex(number), id: TestId::new(number.to_string()), shares: Vec::new() };
    (0..count).map(subject).collect()
}

fn detected(simulated_suite: &mut SimulatedSuite, count: u32, seed: u64) -> BTreeMap<u32, Verdict> {
    let detection = detect(simulated_suite, &subjects(count), Seed(seed), 4, &mut |_| ());
    let by_number = |verdict: Verdict| (verdict.id.as_str().parse().unwrap(), verdict);
    detection.verdicts.into_iter().map(by_number).collect()
}

fn culprits(verdict: &Verdict) -> Vec<Vec<u32>> {
    let number = |id: &TestId| id.as_str().parse().unwrap();
    verdict.culprits.iter().map(|set| set.iter().map(number).collect()).collect()
}

#[test]
fn every_kind_of_unreliable_test_is_classified_and_no_other_accused() {
    for seed in 0..20 {
        let mut simulated_suite = simulated_suite(
            [
                (3, sets(1)),
                (70, fails_with(&[1])),
                // The polluter that sets flag 2 is declared after the one that sets flag 3.
                (60, sets(2)),
                (10, sets(3)),
                (40, fails_with(&[2, 3])),
                // A victim whose polluter has a cleaner.
                (20, sets(4)),
                (30, Rule { clears: Some(4), ..Rule::default() }),
                (50, fails_with(&[4])),
                // A polluter that works only after another test.
                (5, sets(5)),
                (35, Rule { armed_by: Some(5), ..sets(6) }),
                (65, fails_with(&[6])),
                (15, Rule { needs: Some(7), ..Rule::default() }),
                (80, sets(7)),
                (25, Rule { fails_with: vec![8], ..sets(8) }),
                (33, Rule { beside: Some(77), ..Rule::default() }),
                (44, Rule { percent: 100, ..Rule::default() }),
                (45, Rule { percent: 20, ..Rule::default() }),
                (46, Rule { percent: 100, outcome: Some(Outcome::Errored), ..Rule::default() }),
                (47, Rule { percent: 100, outcome: Some(Outcome::Errored), ..Rule::default() }),
            ],
            seed,
        );
        let verdicts = detected(&mut simulated_suite, 90, seed);
        let lies: BTreeMap<u32, Lie> = verdicts.iter().map(|(number, verdict)| (*number, verdict.lie)).collect();
        let expected = [
            (15, Lie::Brittle),
            (25, Lie::NotIdempotent),
            (33, Lie::Contention),
            (40, Lie::Victim),
            (44, Lie::Broken),
            (45, Lie::Flaky),
            (46, Lie::Environment),
            (47, Lie::Environment),
            (50, Lie::Victim),
            (65, Lie::Victim),
            (70, Lie::Victim),
        ];
        assert_eq!(lies, BTreeMap::from(expected), "seed {seed}");
        assert_eq!(culprits(&verdicts[&70]), [[3]]);
        let mut both = culprits(&verdicts[&40])[0].clone();
        both.sort_unstable();
        assert_eq!(both, [10, 60]);
        assert_eq!(culprits(&verdicts[&50]), [[20]]);
        assert!(verdicts[&50].cleaners.iter().all(|id| id.as_str() == "30"), "{:?}", verdicts[&50].cleaners);
        assert_eq!(culprits(&verdicts[&65]), [[5, 35]]);
        assert_eq!(culprits(&verdicts[&15]), [[80]]);
        assert_eq!(culprits(&verdicts[&33]), [[77]]);
        assert!(verdicts.values().all(|verdict| verdict.confidence >= 0.99 && !verdict.lanes.is_empty()));
    }
}

#[test]
fn both_alternative_polluters_are_named() {
    let mut simulated_suite = simulated_suite([(3, sets(1)), (40, sets(1)), (20, fails_with(&[1]))], 1);
    let verdicts = detected(&mut simulated_suite, 50, 1);
    let mut sets = culprits(&verdicts[&20]);
    sets.sort();
    assert_eq!(sets, [[3], [40]]);
}

#[test]
fn rare_failures_are_detected_and_no_reliable_test_is_blamed() {
    let (mut seen, mut flaky, mut misclassified) = (0, 0, Vec::new());
    for seed in 0..40 {
        let mut simulated_suite = simulated_suite([(7, Rule { percent: 5, ..Rule::default() })], seed * 7_919);
        let verdicts = detected(&mut simulated_suite, 40, seed);
        assert!(verdicts.keys().all(|number| *number == 7), "{verdicts:?}");
        seen += u32::from(verdicts.contains_key(&7));
        flaky += u32::from(verdicts.get(&7).is_some_and(|verdict| verdict.lie == Lie::Flaky));
        misclassified.extend(
            verdicts
                .get(&7)
                .map(|verdict| (seed, verdict.lie, verdict.with, verdict.without, verdict.culprits.clone()))
                .filter(|misclassification| misclassification.1 != Lie::Flaky),
        );
    }
    assert!(seen >= 38, "{seen} of 40");
    assert_eq!(flaky, seen, "some verdicts are wrong: {misclassified:?}");
}

#[test]
fn stopped_detection_reports_the_suspects_known_so_far() {
    for budget in (0..1_500).step_by(97) {
        let mut simulated_suite =
            simulated_suite([(3, sets(1)), (20, fails_with(&[1])), (4, Rule { percent: 30, ..Rule::default() })], 1);
        simulated_suite.budget = budget;
        let detection = detect(&mut simulated_suite, &subjects(40), Seed(1), 4, &mut |_| ());
        assert!(simulated_suite.was_stopped);
        if budget >= 80 {
            assert!(detection.verdicts.iter().any(|verdict| verdict.id.as_str() == "20"), "{budget}");
        }
    }
}

#[test]
fn detection_of_a_suite_where_everything_fails_ends_soon() {
    let mut simulated_suite =
        simulated_suite((0..60).map(|number| (number, Rule { percent: 100, ..Rule::default() })), 1);
    let verdicts = detected(&mut simulated_suite, 60, 1);
    assert!(verdicts.len() == 60 && verdicts.values().all(|verdict| verdict.lie == Lie::Broken));
    assert!(
        simulated_suite.executions < 60 * 12,
        "{} executions in {} probes",
        simulated_suite.executions,
        simulated_suite.probes
    );
}
