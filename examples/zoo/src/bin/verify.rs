//! Checks the answer key by ordinary runs, without a detector: `cargo run -p zoo --bin verify`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use zoo::Problem;
use zoo::forecast::forecast;
use zoo::key::{Key, Kind, Truth};
use zoo::suite::{Ended, Suite};

/// How often a pair runs side by side.
const MEETINGS: u32 = 20;
/// How many lanes run everything in lockstep.
const LANES: usize = 3;
/// What a worker runs before.
const WARM: &str = "honest::rows::shelves_are_there::name_maps";
/// How often a flaky test runs.
const ROUNDS: u32 = 1000;
/// How often everything runs, to see that the honest ones pass.
const RUNS: u64 = 20;

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

/// How many claims of the key are wrong.
fn verify() -> Result<usize, Problem> {
    let key = Key::read()?;
    let only: Vec<String> = std::env::args().skip(1).collect();
    let mut trial = Trial { suite: Suite::build()?, wrong: Vec::new(), claims: 0 };
    for (id, truth) in key.tests.iter().filter(|(id, _)| only.is_empty() || only.iter().any(|only| id.contains(only))) {
        trial.hear(id, truth)?;
    }
    if only.is_empty() {
        trial.hear_whole_runs(&key)?;
        trial.hear_the_honest(&key)?;
    }
    tell(&format!("{} claims, {} wrong", trial.claims, trial.wrong.len()))?;
    trial.wrong.iter().try_for_each(|claim| tell(&format!("  WRONG: {claim}")))?;
    Ok(trial.wrong.len())
}

/// Hears one claim of the key after the other.
struct Trial {
    suite: Suite,
    wrong: Vec<String>,
    claims: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Passes,
    Fails,
}

impl Trial {
    fn claim(&mut self, is_true: bool, words: String) {
        self.claims += 1;
        if !is_true {
            self.wrong.push(words);
        }
    }

    fn hear(&mut self, id: &str, truth: &Truth) -> Result<(), Problem> {
        match truth.kind {
            Kind::Victim => self.hear_dependent(id, truth, End::Passes, End::Fails),
            Kind::Brittle => self.hear_dependent(id, truth, End::Fails, End::Passes),
            Kind::NotIdempotent => self.hear_repeated(id),
            Kind::Contention => self.hear_contention(id, truth),
            Kind::Flaky => self.hear_rate(id, truth, "failed"),
            Kind::Broken => self.after(&[], id, End::Fails),
            Kind::Environment => self.hear_rate(id, truth, "errored"),
        }
    }

    /// Alone it ends in one way, after its culprits in the other, after fewer of them as if alone.
    fn hear_dependent(&mut self, id: &str, truth: &Truth, alone: End, after: End) -> Result<(), Problem> {
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

    /// Runs some tests in this order in one process: the last one ends so, and all others pass.
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

    fn hear_repeated(&mut self, id: &str) -> Result<(), Problem> {
        let ended = self.suite.run(&["--exact", id, "--jobs", "1", "--repeat", "3"])?;
        let passed: Vec<_> = ended.iter().map(Ended::has_passed).collect();
        self.claim(passed == [true, false, false], format!("{id} three times: {passed:?}"));
        Ok(())
    }

    fn hear_contention(&mut self, id: &str, truth: &Truth) -> Result<(), Problem> {
        let Some(partner) = truth.culprits.first().and_then(|set| set.first()) else { return Ok(()) };
        self.after(&[partner], id, End::Passes)?;
        self.after(&[id], partner, End::Passes)?;
        let mut failed: BTreeMap<String, u32> = BTreeMap::new();
        for meeting in 0..MEETINGS {
            // In lockstep, and in processes that have begun: each runs an honest test before. The first lane is a bit ahead.
            let mut pair = [id, partner.as_str()];
            pair.rotate_left(usize::from(meeting % 2 == 1));
            let lanes = pair.map(|id| format!("{WARM} {id}"));
            let ended = self.suite.run(&["--lane", &lanes[0], "--lane", &lanes[1]])?;
            for ended in ended.into_iter().filter(|ended| !ended.has_passed()) {
                *failed.entry(ended.id).or_default() += 1;
            }
        }
        let own = failed.get(id).copied().unwrap_or_default();
        tell(&format!("{id} beside {partner}: {failed:?} of {MEETINGS}"))?;
        self.claim(own * 4 >= MEETINGS, format!("{id} failed {own} times of {MEETINGS} beside {partner}"));
        Ok(())
    }

    /// It fails about as often as the key says, whatever ran before: here itself.
    fn hear_rate(&mut self, id: &str, truth: &Truth, outcome: &str) -> Result<(), Problem> {
        let ended = self.suite.run(&["--exact", id, "--jobs", "1", "--repeat", &ROUNDS.to_string()])?;
        let (failed, all) = (ended.iter().filter(|ended| ended.outcome == outcome).count(), ended.len());
        let others = ended.iter().filter(|ended| ended.outcome != outcome && !ended.has_passed()).count();
        let (failed, all) = (whole(failed), whole(all));
        let expected = all * truth.rate;
        // Four standard deviations: one test of fifteen thousand is outside by chance.
        let is_near = (failed - expected).abs() <= 4.0 * (expected * (1.0 - truth.rate)).sqrt();
        tell(&format!("{id}: {failed} of {all} {outcome}, the key says {}", truth.rate))?;
        self.claim(is_near && others == 0, format!("{id} was {outcome} {failed} times of {all}"));
        Ok(())
    }

    /// Everything in one process, in many orders: the key foresees how each test ends.
    fn hear_whole_runs(&mut self, key: &Key) -> Result<(), Problem> {
        let seeds = (1..=RUNS).map(|seed| vec!["--seed".to_owned(), seed.to_string()]);
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
        tell(&format!("whole runs in one process: {count} forecasts"))
    }

    /// Whoever is not in the key passes, in any order and beside anybody.
    fn hear_the_honest(&mut self, key: &Key) -> Result<(), Problem> {
        let mut failed: BTreeMap<String, u32> = BTreeMap::new();
        let mut executions = 0;
        let mut hear = |ended: &[Ended]| {
            for ended in ended.iter().filter(|ended| !key.tests.contains_key(&ended.id)) {
                executions += 1;
                if !ended.has_passed() {
                    *failed.entry(ended.id.clone()).or_default() += 1;
                }
            }
        };
        for seed in 1..=RUNS {
            let ended = self.suite.run(&["--seed", &seed.to_string(), "--jobs", "4"])?;
            hear(&ended);
            let mut lanes = vec![String::new(); LANES];
            for (position, ended) in ended.iter().enumerate() {
                lanes[position % LANES].extend([" ", &ended.id]);
            }
            let arguments: Vec<&str> = lanes.iter().flat_map(|lane| ["--lane", lane]).collect();
            hear(&self.suite.run(&arguments)?);
        }
        tell(&format!("honest tests: {executions} executions, failed: {failed:?}"))?;
        self.claim(failed.is_empty(), format!("honest tests failed: {failed:?}"));
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
fn whole(count: usize) -> f64 {
    count as f64
}

fn tell(line: &str) -> Result<(), Problem> {
    writeln!(io::stdout(), "{line}").map_err(|error| Problem::because("cannot write the result", error))
}
