//! Tests that exclude each other never run side by side, and others do; under many seeds, with both runners.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};

/// The number of random orders that are tried under cargo test.
const SEEDS: u32 = 30;

/// On a busy machine, more orders may be necessary until all pairs that may run at the same time have done so.
const MAX_SEEDS: u32 = 4 * SEEDS;

/// The number of seeds under cargo-nextest. It has an order of its own, so a seed only changes how long the tests take.
const NEXTEST_SEEDS: u32 = 10;

/// The tests of the suite.
const TESTS: usize = 41;

/// Tests of the suite that crash their process.
const CRASHES: [&str; 2] = ["crashes_while_it_prints", "crashes_with_the_engine"];

/// Session fixtures of the suite, each with a fixture that it depends on.
const DEPENDENCIES: [(&str, &str); 5] =
    [("database", "engine"), ("shop", "database"), ("audit", "engine"), ("left", "island"), ("right", "island")];

/// The journal entries of one test.
#[derive(Debug, Default)]
struct Use {
    /// The fixtures and locks that the test used, and whether exclusively.
    things: BTreeMap<String, bool>,
    begins: Vec<u64>,
    ends: Vec<u64>,
    /// The steps of its teardown, in the order in which they ran.
    steps: Vec<String>,
}

impl Use {
    fn overlaps(&self, other: &Self) -> bool {
        self.begins[0] < other.ends[0] && other.begins[0] < self.ends[0]
    }

    /// The fixtures and locks that both tests use and at least one of them uses exclusively.
    fn conflicts(&self, other: &Self) -> Vec<&str> {
        let is_exclusive = |(thing, exclusive): &(&String, &bool)| {
            other.things.get(*thing).is_some_and(|of_other| **exclusive || *of_other)
        };
        self.things.iter().filter(is_exclusive).map(|(thing, _)| thing.as_str()).collect()
    }
}

/// The journal to which all processes of one run write.
#[derive(Debug, Default)]
struct Journal {
    uses: BTreeMap<String, Use>,
    /// Session fixtures in the order of their setup.
    up: Vec<String>,
    /// Session fixtures in the order of their teardown.
    down: Vec<String>,
}

impl Journal {
    fn read(dir: &TempDir) -> Result<Self> {
        let mut journal = Self::default();
        for line in fs::read_to_string(dir.join("journal"))?.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [time, what, name, ..] = words.as_slice() else { return Err(line.into()) };
            let time: u64 = time.parse()?;
            let entry = journal.uses.entry((*name).to_owned());
            match (*what, words.get(3)) {
                ("up", _) => journal.up.push((*name).to_owned()),
                ("down", _) => journal.down.push((*name).to_owned()),
                ("begin", Some(things)) => {
                    let test = entry.or_default();
                    test.begins.push(time);
                    let things = things.split(',').filter(|thing| !thing.is_empty());
                    let thing = |thing: &str| (thing.trim_start_matches('!').to_owned(), thing.starts_with('!'));
                    test.things = things.map(thing).collect();
                }
                ("undo", Some(step)) => entry.or_default().steps.push((*step).to_owned()),
                ("end", _) => entry.or_default().ends.push(time),
                _ => return Err(line.into()),
            }
        }
        Ok(journal)
    }

    /// Asserts that each test ran once, that no conflicting tests overlapped, and that teardown ran in the right order.
    fn check(&self, seed: u32) {
        assert_eq!(self.uses.len(), TESTS, "seed {seed}: {:?}", self.uses.keys());
        for (test, used) in &self.uses {
            assert_eq!((used.begins.len(), used.ends.len()), (1, 1), "seed {seed}: {test} began once and ended once");
            // Deferred steps are lost when their process crashes.
            let has_crashed = CRASHES.contains(&test.as_str());
            let steps: &[&str] = if has_crashed { &["durable-2"] } else { &["deferred-3", "durable-2", "deferred-1"] };
            assert_eq!(used.steps, steps, "seed {seed}: the teardown of {test}");
        }
        for (first, second) in self.pairs().filter(|((_, first), (_, second))| first.overlaps(second)) {
            let conflicts = first.1.conflicts(second.1);
            assert!(conflicts.is_empty(), "seed {seed}: {} beside {} on {conflicts:?}", first.0, second.0);
        }
        let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        assert_eq!((sorted(&self.up), self.up.len()), (sorted(&self.down), self.down.len()), "seed {seed}");
        assert_eq!(self.up.len(), sorted(&self.up).len(), "seed {seed}: each session fixture is made once");
        // Only dependencies have a fixed order, because independent fixtures are made at the same time.
        for (fixture, below) in DEPENDENCIES {
            let position = |names: &[String], name: &str| names.iter().position(|other| other == name);
            assert!(position(&self.up, below) < position(&self.up, fixture), "seed {seed}: {:?}", self.up);
            assert!(position(&self.down, fixture) < position(&self.down, below), "seed {seed}: {:?}", self.down);
        }
    }

    fn pairs(&self) -> impl Iterator<Item = ((&String, &Use), (&String, &Use))> {
        let tests = self.uses.iter().enumerate();
        tests.flat_map(|(position, first)| self.uses.iter().skip(position + 1).map(move |second| (first, second)))
    }

    /// The pairs of tests, without their cases, that ran at the same time.
    fn side_by_side(&self) -> impl Iterator<Item = (String, String)> {
        let name = |test: &str| test.split("::").next().unwrap_or_default().to_owned();
        let beside = self.pairs().filter(|((_, first), (_, second))| first.overlaps(second));
        beside.flat_map(move |((first, _), (second, _))| [(name(first), name(second)), (name(second), name(first))])
    }
}

/// Pairs that may run at the same time, and must do so under some seed: otherwise a single lock for all tests would pass, too.
const MAY_RUN_SIDE_BY_SIDE: [(&str, &str); 10] = [
    ("uses_the_engine", "uses_the_engine"),
    ("uses_the_shop", "uses_the_pool"),
    ("uses_the_database_alone", "uses_the_audit_alone"),
    ("uses_a_counter_alone", "uses_a_counter_alone"),
    ("prints", "scans"),
    ("uses_the_engine", "uses_an_order"),
    ("uses_the_shop_alone", "uses_the_database"),
    ("uses_the_engine_alone", "prints"),
    ("uses_the_island_alone", "uses_the_shop_alone"),
    ("uses_nothing", "uses_the_engine_alone"),
];

/// The number of pairs at the start of the list whose names are adjacent. nextest runs tests in the order of their names.
const ADJACENT_PAIRS: usize = 5;

fn assert_side_by_side(pairs: &[(&str, &str)], seen: &BTreeSet<(String, String)>) {
    let never = never_side_by_side(pairs, seen);
    assert!(never.is_empty(), "never side by side: {never:?}");
}

fn never_side_by_side<'p>(
    pairs: &'p [(&'p str, &'p str)],
    seen: &BTreeSet<(String, String)>,
) -> Vec<&'p (&'p str, &'p str)> {
    let never = |(first, second): &&(&str, &str)| !seen.contains(&((*first).to_owned(), (*second).to_owned()));
    pairs.iter().filter(never).collect()
}

/// Asserts that the captured output is everything that the test wrote, and nothing else.
fn assert_output(seed: u32, test: &str, output: &str) {
    let own = ["out", "err", "c", "child", "child's err", "thread"].map(|kind| format!("{kind} of {test}"));
    let mut lines: Vec<_> = output.lines().map(str::trim).filter(|line| line.contains(" of ")).collect();
    lines.sort_unstable();
    let mut own: Vec<_> = own.iter().map(String::as_str).collect();
    own.sort_unstable();
    assert_eq!(lines, own, "seed {seed}: the output of {test}");
}

fn suite(dir: &TempDir, seed: u32) -> Suite<'_> {
    let _ = fs::remove_file(dir.join("journal"));
    Suite::new(env!("CARGO_BIN_EXE_suite-exclusion"), dir)
        .env("JOURNAL", dir.join("journal").display().to_string())
        .env("ITEST_SEED", seed.to_string())
}

#[integration_test(timeout = "5m", tags("session"))]
fn conflicting_tests_never_overlap_and_others_do(dir: &TempDir) -> Result<()> {
    let mut seen = BTreeSet::new();
    for seed in 1..=MAX_SEEDS {
        if seed > SEEDS && never_side_by_side(&MAY_RUN_SIDE_BY_SIDE, &seen).is_empty() {
            break;
        }
        let events = suite(dir, seed).events(&["--jobs", "8"])?;
        let outcomes = events.outcomes();
        let not_passed = outcomes.iter().filter(|(_, outcome)| *outcome != "passed");
        let crashed: Vec<_> = not_passed.map(|(test, outcome)| (test.as_str(), outcome.as_str())).collect();
        assert_eq!(crashed, CRASHES.map(|test| (test, "crashed")), "seed {seed}");
        assert_eq!(events.order().len(), TESTS, "seed {seed}: each test ends once");
        assert_eq!(events.summary()["problems"].as_array().map(Vec::len), Some(0), "seed {seed}");
        for test in outcomes.keys() {
            let case = events.case(test);
            let text = |stream: &str| case[stream].as_str().unwrap_or_default().to_owned();
            // A crash loses the content of the output buffer of C.
            if !CRASHES.contains(&test.as_str()) {
                assert_output(seed, test, &format!("{}\n{}", text("stdout"), text("stderr")));
            }
        }
        let journal = Journal::read(dir)?;
        journal.check(seed);
        seen.extend(journal.side_by_side());
        events.finished.assert_nothing_left();
    }
    assert_side_by_side(&MAY_RUN_SIDE_BY_SIDE, &seen);
    Ok(())
}

#[integration_test(timeout = "5m", tags("session", "nextest"))]
fn conflicting_tests_never_overlap_under_nextest(dir: &TempDir) -> Result<()> {
    let mut seen = BTreeSet::new();
    for seed in 1..=NEXTEST_SEEDS {
        let suite = suite(dir, seed);
        let shown = ["--success-output", "immediate", "--failure-output", "immediate"];
        let arguments = [&["run", "--no-fail-fast", "--test-threads", "8"][..], &shown].concat();
        let finished = Finished::of(suite.nextest(&arguments)?.output()?, &suite);
        let output = finished.stderr();
        assert_eq!(finished.code(), Some(100), "seed {seed}: {output}");
        let expected = format!("{TESTS} tests run: {} passed, {} failed", TESTS - CRASHES.len(), CRASHES.len());
        assert!(output.contains(&expected), "seed {seed}: {output}");
        finished.assert_nothing_left();
        let journal = Journal::read(dir)?;
        journal.check(seed);
        seen.extend(journal.side_by_side());
        let outputs = outputs(&output);
        for test in journal.uses.keys().filter(|test| !CRASHES.contains(&test.as_str())) {
            assert_output(seed, test, outputs.get(test).map_or("", String::as_str));
        }
    }
    assert_side_by_side(&MAY_RUN_SIDE_BY_SIDE[..ADJACENT_PAIRS], &seen);
    Ok(())
}

/// The output that nextest shows after the line of each passed test.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["PASS", .., name] => current = Some((*name).to_owned()),
            ["SIGABRT" | "SIGKILL" | "FAIL", ..] => current = None,
            _ => {}
        }
        if let Some(test) = &current {
            let output = outputs.entry(test.clone()).or_default();
            output.push_str(line);
            output.push('\n');
        }
    }
    outputs
}

/// A user reported this pair: one test has `&mut` of a session fixture, and the other uses that fixture through another one.
#[integration_test(tags("session"))]
fn exclusive_borrow_excludes_tests_of_dependent_fixtures(dir: &TempDir) -> Result<()> {
    let tests = ["--exact", "uses_the_engine_alone::n_0", "uses_the_shop::n_0"];
    for seed in 0..5 {
        let events = suite(dir, seed).events(&[&tests[..], &["--jobs", "2"]].concat())?;
        assert_eq!(events.finished.code(), Some(0));
        let journal = Journal::read(dir)?;
        let [first, second] = ["uses_the_engine_alone::n_0", "uses_the_shop::n_0"].map(|test| &journal.uses[test]);
        assert!(!first.overlaps(second), "seed {seed}");
    }
    Ok(())
}
