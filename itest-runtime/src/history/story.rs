//! What the past runs say of each test.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::durations::{percentile, shift};
use super::run::{Attempt, Key, Run};
use crate::detect::{Confidence, Tally, probability_that_greater};
use crate::model::{TestId, redacted};

/// A difference of rates is told from this probability on, one way or the other.
const SURE: f64 = 0.975;

/// A difference of durations is told from so many standard deviations on: a chance of one in a thousand.
const SURE_SHIFT: f64 = 3.3;

/// … and if it is worth telling: by a fifth.
const WORTH_TELLING: f64 = 1.2;

/// So many passed attempts on either side say something about durations.
const ENOUGH_TIMES: usize = 8;

/// All that is known of a suite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chronicle {
    /// How many runs there are.
    pub runs: usize,
    /// How many attempts they made, of all tests.
    pub attempts: usize,
    /// How many commits they were of.
    pub revisions: usize,
    /// When the first and the last of them began, in milliseconds since 1970.
    pub span: Option<(u64, u64)>,
    /// The tests that were selected, by name.
    pub stories: Vec<Story>,
}

/// All that is known of a test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Story {
    /// Its name.
    pub test: TestId,
    /// How often it passed or failed.
    pub tally: Tally,
    /// Whether the rate has changed.
    pub trend: Option<Trend>,
    /// The newest code with which it passed and failed.
    pub mixed: Option<Mixed>,
    /// With how many codes it did both.
    pub mixed_codes: usize,
    /// Half of its passed attempts took no longer.
    pub median: Duration,
    /// Nor 95 % of them than this.
    pub p95: Duration,
    /// Whether its duration has changed: the median of the older and of the newer half.
    pub pace: Option<(Duration, Duration)>,
    /// The last failure.
    pub last_failure: Option<LastFailure>,
}

/// Failures and attempts of the older and of the newer half, where the rates differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trend {
    /// The older half.
    pub before: Tally,
    /// The newer half.
    pub after: Tally,
    /// Which way.
    pub direction: Direction,
}

/// Which way a rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// It fails more often.
    Rising,
    /// It fails less often.
    Falling,
}

impl Direction {
    /// In one word.
    #[must_use]
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Falling => "falling",
        }
    }
}

/// The same code, and different outcomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mixed {
    /// The commit.
    pub revision: String,
    /// How often the test passed.
    pub passed: usize,
    /// How often it failed.
    pub failed: usize,
}

/// The last failure of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastFailure {
    /// When its run began, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// The commit.
    pub revision: String,
    /// The phase.
    pub phase: String,
    /// The first line of what went wrong.
    pub message: String,
}

impl Chronicle {
    /// Tells what these runs, oldest first, say of the tests that `selects` names.
    #[must_use]
    pub(crate) fn of(runs: &[Run], mut selects: impl FnMut(&TestId) -> bool) -> Self {
        let mut tests: BTreeMap<&TestId, Vec<(&Run, &Attempt)>> = BTreeMap::new();
        for run in runs {
            for attempt in &run.attempts {
                tests.entry(&attempt.test).or_default().push((run, attempt));
            }
        }
        let revisions: BTreeSet<&str> =
            runs.iter().map(|run| run.revision.as_str()).filter(|revision| !revision.is_empty()).collect();
        let began = |run: &Run| run.key.began_unix_ms;
        Self {
            runs: runs.len(),
            attempts: runs.iter().map(|run| run.attempts.len()).sum(),
            revisions: revisions.len(),
            span: runs.first().zip(runs.last()).map(|(first, last)| (began(first), began(last))),
            stories: tests.iter().filter(|(test, _)| selects(test)).filter_map(|(_, seen)| Story::of(seen)).collect(),
        }
    }
}

impl Story {
    fn of(seen: &[(&Run, &Attempt)]) -> Option<Self> {
        let judged: Vec<(&Run, &Attempt, bool)> =
            seen.iter().filter_map(|(run, attempt)| Some((*run, *attempt, attempt.has_passed()?))).collect();
        let (_, first, _) = judged.first()?;
        let (older, newer) = judged.split_at(judged.len() / 2);
        let mixed = mixed(&judged);
        let times = times(&judged);
        let last_failure = judged.iter().rev().find(|(_, _, passed)| !passed).map(|(run, attempt, _)| LastFailure {
            began_unix_ms: run.key.began_unix_ms,
            revision: run.revision.clone(),
            phase: attempt.phase.clone(),
            // Also where an earlier version took it in, which knew fewer kinds of secrets.
            message: redacted(&attempt.message).into_owned(),
        });
        Some(Self {
            test: first.test.clone(),
            tally: count(&judged),
            trend: trend(count(older), count(newer)),
            mixed_codes: mixed.len(),
            mixed: mixed.into_iter().next_back(),
            median: percentile(&times, 50),
            p95: percentile(&times, 95),
            pace: pace(times_in_order(older), times_in_order(newer)),
            last_failure,
        })
    }

    /// The share of attempts that failed.
    #[must_use]
    pub(super) fn rate(&self) -> f64 {
        self.tally.rate().unwrap_or_default()
    }

    /// Between which bounds the truth is, with a confidence of 95 %: Wilson's interval, and where all attempts ended in the same
    /// way the exact one-sided bound, because Wilson's is too sure there.
    #[must_use]
    pub(super) fn bounds(&self) -> (f64, f64) {
        let (tally, confidence) = (self.tally, Confidence::P95);
        if tally.failures() == 0 {
            return (0.0, tally.upper_bound(confidence));
        }
        if tally.passes() == 0 {
            return (tally.lower_bound(confidence), 1.0);
        }
        let interval = tally.wilson(confidence);
        (interval.low(), interval.high())
    }
}

fn count(judged: &[(&Run, &Attempt, bool)]) -> Tally {
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Tally::new(small(judged.len()), small(judged.iter().filter(|(_, _, passed)| !passed).count()))
}

fn trend(before: Tally, after: Tally) -> Option<Trend> {
    if before.failures() + after.failures() == 0 {
        return None;
    }
    let direction = match probability_that_greater(after, before) {
        rise if rise >= SURE => Direction::Rising,
        rise if rise <= 1.0 - SURE => Direction::Falling,
        _ => return None,
    };
    Some(Trend { before, after, direction })
}

/// Codes with which the test passed and failed, in the order in which they were last run.
fn mixed(judged: &[(&Run, &Attempt, bool)]) -> Vec<Mixed> {
    let mut codes: BTreeMap<String, (usize, Mixed)> = BTreeMap::new();
    for (position, (run, _, passed)) in judged.iter().enumerate() {
        // Attempts of one run are of the same code, even where nobody knows which one.
        let Key { began_unix_ms, process, seed, .. } = &run.key;
        let own = if run.code.is_empty() { format!("{began_unix_ms} {process} {seed}") } else { run.code.clone() };
        let (last, code) = codes.entry(own).or_default();
        *last = position;
        run.revision.clone_into(&mut code.revision);
        if *passed {
            code.passed += 1;
        } else {
            code.failed += 1;
        }
    }
    let mut mixed: Vec<_> = codes.into_values().filter(|(_, code)| code.passed > 0 && code.failed > 0).collect();
    mixed.sort_by_key(|(last, _)| *last);
    mixed.into_iter().map(|(_, code)| code).collect()
}

/// The durations of passed attempts, in order of time; a failed one says how long it took to fail.
fn times_in_order(judged: &[(&Run, &Attempt, bool)]) -> Vec<Duration> {
    judged.iter().filter(|(_, _, passed)| *passed).map(|(_, attempt, _)| attempt.elapsed).collect()
}

/// Sorted durations of passed attempts, or of all, if none passed.
fn times(judged: &[(&Run, &Attempt, bool)]) -> Vec<Duration> {
    let mut times = times_in_order(judged);
    if times.is_empty() {
        times = judged.iter().map(|(_, attempt, _)| attempt.elapsed).collect();
    }
    times.sort_unstable();
    times
}

fn pace(mut before: Vec<Duration>, mut after: Vec<Duration>) -> Option<(Duration, Duration)> {
    if before.len().min(after.len()) < ENOUGH_TIMES || shift(&before, &after).abs() < SURE_SHIFT {
        return None;
    }
    before.sort_unstable();
    after.sort_unstable();
    let (old, new) = (percentile(&before, 50), percentile(&after, 50));
    let (less, more) = (old.min(new), old.max(new));
    (more > less.mul_f64(WORTH_TELLING)).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    /// A run of one test that passes (`.`), fails (`F`), or is skipped (`s`), each attempt a millisecond long.
    fn run(number: u64, code: &str, attempts: &str) -> Run {
        let one = |mark: char| Attempt {
            test: TestId::new("pay"),
            number: 1,
            outcome: match mark {
                '.' => Outcome::Passed,
                'F' => Outcome::Failed,
                _ => Outcome::Skipped,
            },
            elapsed: Duration::from_millis(if number < 10 { 1 } else { 3 }),
            phase: if mark == 'F' { "assert".into() } else { String::new() },
            message: if mark == 'F' { format!("run {number}") } else { String::new() },
        };
        Run {
            key: Key { began_unix_ms: number, process: number.to_string(), ..Key::default() },
            code: code.into(),
            revision: code.into(),
            attempts: attempts.chars().map(one).collect(),
            ..Run::default()
        }
    }

    fn story(runs: &[Run]) -> Story {
        Chronicle::of(runs, |_| true).stories.pop().unwrap()
    }

    #[test]
    fn attempts_that_say_nothing_do_not_count() {
        let story = story(&[run(1, "a", "..sF"), run(2, "a", "s")]);
        assert_eq!(story.tally, Tally::new(3, 1));
        assert_eq!(story.last_failure.unwrap().message, "run 1");
        assert!(Chronicle::of(&[run(1, "a", "ss")], |_| true).stories.is_empty());
    }

    #[test]
    fn the_same_code_with_different_outcomes_is_told_with_the_newest_one() {
        let story = story(&[run(1, "a", "."), run(2, "a", "F"), run(3, "b", "."), run(4, "c", "."), run(5, "c", ".F")]);
        let mixed = story.mixed.unwrap();
        assert_eq!((mixed.revision.as_str(), mixed.passed, mixed.failed, story.mixed_codes), ("c", 2, 1, 2));
    }

    #[test]
    fn a_failure_that_was_mended_is_no_difference() {
        assert_eq!(story(&[run(1, "a", "FF"), run(2, "b", "..")]).mixed, None);
        assert_eq!(story(&[run(1, "", "F"), run(2, "", ".")]).mixed, None, "nobody knows which code that was");
        assert!(story(&[run(1, "", "F.")]).mixed.is_some(), "one run has one code");
    }

    #[test]
    fn a_trend_is_told_when_it_is_sure() {
        let old: Vec<Run> = (0..10).map(|number| run(number, "a", ".")).collect();
        let new = |marks: &str| marks.chars().zip(10..).map(|(mark, at)| run(at, "a", &mark.to_string())).collect();
        let all = |marks: &str| [old.clone(), new(marks)].concat();
        assert_eq!(story(&all("....F.....")).trend, None);
        let rising = story(&all("F.FF.F.FFF")).trend.unwrap();
        let halves = (Tally::new(10, 0), Tally::new(10, 7));
        assert_eq!((rising.before, rising.after, rising.direction), (halves.0, halves.1, Direction::Rising));
        let mut mended = all("F.FF.F.FFF");
        mended.rotate_left(10);
        assert_eq!(story(&mended).trend.unwrap().direction, Direction::Falling);
    }

    #[test]
    fn a_slower_half_is_told() {
        let runs: Vec<Run> = (0..20).map(|number| run(number, "a", ".")).collect();
        assert_eq!(story(&runs).pace, Some((Duration::from_millis(1), Duration::from_millis(3))));
        assert_eq!(story(&runs[..10]).pace, None);
        assert_eq!(story(&runs).p95, Duration::from_millis(3));
    }
}
