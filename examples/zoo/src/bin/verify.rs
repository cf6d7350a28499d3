//! Checks the answer key by ordinary runs, without a detector: `cargo run -p zoo --bin verify`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use zoo::Problem;
use zoo::forecast::forecast;
use zoo::key::{Key, Kind, Truth};
use zoo::suite::{Suite, Target, TestOutcome};

/// The number of times that a pair runs at the same time.
const PAIR_RUNS: u32 = 20;
/// The number of lanes that run all tests in lockstep.
const LANES: usize = 3;
/// An honest test that each worker runs first, so that its process has started.
const WARM_UP_TEST: &str = "honest::rows::shelves_are_there::name_maps";
/// The number of runs of a flaky test.
const FLAKY_RUNS: u32 = 1000;
/// The number of runs of the whole suite, to check that honest tests pass.
const SUITE_RUNS: u64 = 20;

fn main() -> ExitCode {
    match verify() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "verify: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Checks all claims of the key, and returns the number of wrong ones.
fn verify() -> Result<usize, Problem> {
    let key = Key::read()?;
    let only: Vec<String> = std::env::args().skip(1).collect();
    let mut verification = Verification { suite: Suite::build(Target::Integration)?, wrong: Vec::new(), claims: 0 };
    for (id, truth) in key.tests.iter().filter(|(id, _)| only.is_empty() || only.iter().any(|only| id.contains(only))) {
        verification.verify_test(id, truth)?;
    }
    if only.is_empty() {
        verification.verify_whole_runs(&key)?;
        verification.verify_honest_tests(&key)?;
    }
    print_line(&format!("{} claims, {} wrong", verification.claims, verification.wrong.len()))?;
    verification.wrong.iter().try_for_each(|claim| print_line(&format!("  WRONG: {claim}")))?;
    Ok(verification.wrong.len())
}

/// Checks the claims of the key one after the other.
struct Verification {
    suite: Suite,
    wrong: Vec<String>,
    claims: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passes,
    Fails,
}

impl Verification {
    fn claim(&mut self, is_true: bool, words: String) {
        self.claims += 1;
        if !is_true {
            self.wrong.push(words);
        }
    }

    fn verify_test(&mut self, id: &str, truth: &Truth) -> Result<(), Problem> {
        match truth.kind {
            Kind::Victim => self.verify_dependent(id, truth, End::Passes, End::Fails),
            Kind::Brittle => self.verify_dependent(id, truth, End::Fails, End::Passes),
            Kind::NotIdempotent => self.verify_repeated(id),
            Kind::Contention => self.verify_contention(id, truth),
            Kind::Flaky => self.verify_rate(id, truth, "failed"),
            Kind::Broken => self.after(&[], id, End::Fails),
            Kind::Environment => self.verify_rate(id, truth, "errored"),
        }
    }

    /// Checks that the test ends in one way alone, in the other way after a set of its culprits, and as alone after only a part of the set.
    fn verify_dependent(&mut self, id: &str, truth: &Truth, alone: End, after: End) -> Result<(), Problem> {
        self.after(&[], id, alone)?;
        for set in &truth.culprits {
            let set: Vec<&str> = set.iter().map(String::as_str).collect();
            self.after(&set, id, after)?;
            if let [first, second] = set[..] {
                self.after(&[first], id, alone)?;
                self.after(&[second], id, alone)?;
                self.after(&[second, first], id, if truth.any_order { after } else { alone })?;
            }
            for cleaner in &truth.cleaners {
                let cleaned: Vec<&str> = set.iter().copied().chain([cleaner.as_str()]).collect();
                self.after(&cleaned, id, alone)?;
            }
        }
        Ok(())
    }

    /// Runs tests in this order in one process, and checks that the last one ends with `end` and all others pass.
    fn after(&mut self, before: &[&str], id: &str, end: End) -> Result<(), Problem> {
        let order: Vec<&str> = before.iter().copied().chain([id]).collect();
        let ended = self.suite.run(&["--lane", &order.join(" ")])?;
        for (position, ended) in ended.iter().enumerate() {
            let expected = if position + 1 == order.len() { end } else { End::Passes };
            let words = format!("{} of [{}] was {}", ended.id, order.join(", "), ended.outcome);
            self.claim(ended.has_passed() == (expected == End::Passes), words);
        }
        Ok(())
    }

    fn verify_repeated(&mut self, id: &str) -> Result<(), Problem> {
        let ended = self.suite.run(&["--exact", id, "--jobs", "1", "--repeat", "3"])?;
        let passed: Vec<_> = ended.iter().map(TestOutcome::has_passed).collect();
        self.claim(passed == [true, false, false], format!("{id} three times: {passed:?}"));
        Ok(())
    }

    fn verify_contention(&mut self, id: &str, truth: &Truth) -> Result<(), Problem> {
        let Some(partner) = truth.culprits.first().and_then(|set| set.first()) else { return Ok(()) };
        self.after(&[partner], id, End::Passes)?;
        self.after(&[id], partner, End::Passes)?;
        let mut failed: BTreeMap<String, u32> = BTreeMap::new();
        for pair_run in 0..PAIR_RUNS {
            // The lanes run in lockstep. Each runs an honest test first, so that both processes have started. The first lane is slightly ahead.
            let mut pair = [id, partner.as_str()];
            pair.rotate_left(usize::from(pair_run % 2 == 1));
            let lanes = pair.map(|id| format!("{WARM_UP_TEST} {id}"));
            let ended = self.suite.run(&["--lane", &lanes[0], "--lane", &lanes[1]])?;
            for ended in ended.into_iter().filter(|ended| !ended.has_passed()) {
                *failed.entry(ended.id).or_default() += 1;
            }
        }
        let own = failed.get(id).copied().unwrap_or_default();
        print_line(&format!("{id} beside {partner}: {failed:?} of {PAIR_RUNS}"))?;
        self.claim(own * 4 >= PAIR_RUNS, format!("{id} failed {own} times of {PAIR_RUNS} beside {partner}"));
        Ok(())
    }

    /// Checks that the test fails at about the rate of the key. The runs before are runs of the same test.
    fn verify_rate(&mut self, id: &str, truth: &Truth, outcome: &str) -> Result<(), Problem> {
        let ended = self.suite.run(&["--exact", id, "--jobs", "1", "--repeat", &FLAKY_RUNS.to_string()])?;
        let (failed, all) = (ended.iter().filter(|ended| ended.outcome == outcome).count(), ended.len());
        let others = ended.iter().filter(|ended| ended.outcome != outcome && !ended.has_passed()).count();
        let (failed, all) = (to_float(failed), to_float(all));
        let expected = all * truth.rate;
        // The tolerance is four standard deviations, which one test of fifteen thousand exceeds by chance.
        let is_near = (failed - expected).abs() <= 4.0 * (expected * (1.0 - truth.rate)).sqrt();
        print_line(&format!("{id}: {failed} of {all} {outcome}, the key says {}", truth.rate))?;
        self.claim(is_near && others == 0, format!("{id} was {outcome} {failed} times of {all}"));
        Ok(())
    }

    /// Runs all tests in one process in many orders, and checks each outcome against the forecast from the key.
    fn verify_whole_runs(&mut self, key: &Key) -> Result<(), Problem> {
        let seeds = (1..=SUITE_RUNS).map(|seed| vec!["--seed".to_owned(), seed.to_string()]);
        let others = ["declared", "reverse"].map(|order| vec!["--order".to_owned(), order.to_owned()]);
        let mut count = 0;
        for way in others.into_iter().chain(seeds) {
            let ended = self.suite.run(&[&["--jobs".to_owned(), "1".to_owned()], &way[..]].concat())?;
            let order: Vec<&str> = ended.iter().map(|ended| ended.id.as_str()).collect();
            for (position, ended) in ended.iter().enumerate() {
                let expected = forecast(key, &order[..position], &ended.id);
                let words =
                    format!("{} was {} with {}, expected: {expected:?}", ended.id, ended.outcome, way.join(" "));
                self.claim(expected.holds(ended.has_passed()), words);
                count += 1;
            }
        }
        print_line(&format!("whole runs in one process: {count} forecasts"))
    }

    /// Checks that tests that are not in the key pass in any order and beside any other test.
    fn verify_honest_tests(&mut self, key: &Key) -> Result<(), Problem> {
        let mut failed: BTreeMap<String, u32> = BTreeMap::new();
        let mut executions = 0;
        let mut count = |ended: &[TestOutcome]| {
            for ended in ended.iter().filter(|ended| !key.tests.contains_key(&ended.id)) {
                executions += 1;
                if !ended.has_passed() {
                    *failed.entry(ended.id.clone()).or_default() += 1;
                }
            }
        };
        for seed in 1..=SUITE_RUNS {
            let ended = self.suite.run(&["--seed", &seed.to_string(), "--jobs", "4"])?;
            count(&ended);
            let mut lanes = vec![String::new(); LANES];
            for (position, ended) in ended.iter().enumerate() {
                lanes[position % LANES].extend([" ", &ended.id]);
            }
            let arguments: Vec<&str> = lanes.iter().flat_map(|lane| ["--lane", lane]).collect();
            count(&self.suite.run(&arguments)?);
        }
        print_line(&format!("honest tests: {executions} executions, failed: {failed:?}"))?;
        self.claim(failed.is_empty(), format!("honest tests failed: {failed:?}"));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
fn to_float(count: usize) -> f64 {
    count as f64
}

fn print_line(line: &str) -> Result<(), Problem> {
    writeln!(io::stdout(), "{line}").map_err(|error| Problem::because("cannot write the result", error))
}
