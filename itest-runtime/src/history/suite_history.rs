//! Statistics of each test over the past runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::durations::{percentile, shift};
use super::run::{Attempt, Key, Run};
use crate::detect::{Confidence, Tally, probability_that_greater};
use crate::model::{TestId, redacted};

/// A trend is reported if the failure rate of one half is greater with at least this probability.
const MIN_TREND_PROBABILITY: f64 = 0.975;

/// A change of durations is reported from this many standard deviations on. By chance it is reached in one of a
/// thousand cases.
const MIN_SHIFT_DEVIATIONS: f64 = 3.3;

/// A change of durations is reported only if the median changed by at least this factor.
const MIN_CHANGE_FACTOR: f64 = 1.2;

/// A change of durations is reported only if each half has at least this many passed attempts.
const MIN_PASSES_PER_HALF: usize = 8;

/// The history of a suite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SuiteHistory {
    /// The number of runs.
    pub runs: usize,
    /// The number of attempts of all tests.
    pub attempts: usize,
    /// The number of different commits.
    pub revisions: usize,
    /// When the first and the last run began, in milliseconds since 1970.
    pub span: Option<(u64, u64)>,
    /// The selected tests, sorted by name.
    pub tests: Vec<TestHistory>,
}

/// The history of a test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestHistory {
    /// The name of the test.
    pub test: TestId,
    /// The number of runs that passed or failed, and of those that failed.
    pub tally: Tally,
    /// The change of the failure rate, if there is one.
    pub trend: Option<Trend>,
    /// The newest version of the code with which the test both passed and failed.
    pub mixed: Option<MixedOutcomes>,
    /// The number of versions of the code with which the test both passed and failed.
    pub mixed_codes: usize,
    /// The median duration of passed attempts.
    pub median: Duration,
    /// The 95th percentile of the durations of passed attempts.
    pub p95: Duration,
    /// The median durations of the older and of the newer half, if the duration has changed.
    pub duration_change: Option<(Duration, Duration)>,
    /// The last failure.
    pub last_failure: Option<LastFailure>,
}

/// Failures and attempts of the older and of the newer half, if the failure rate has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trend {
    /// The older half.
    pub before: Tally,
    /// The newer half.
    pub after: Tally,
    /// The direction of the change.
    pub direction: Direction,
}

/// The direction in which a failure rate changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The test fails more often.
    Rising,
    /// The test fails less often.
    Falling,
}

impl Direction {
    /// The direction in one word.
    #[must_use]
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Rising => "rising",
            Self::Falling => "falling",
        }
    }
}

/// A version of the code with which a test both passed and failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MixedOutcomes {
    /// The commit, or an empty text if it is not known.
    pub revision: String,
    /// The number of passed attempts.
    pub passed: usize,
    /// The number of failed attempts.
    pub failed: usize,
}

/// The last failure of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastFailure {
    /// When the run of the failure began, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// The commit, or an empty text if it is not known.
    pub revision: String,
    /// The phase of the failure.
    pub phase: String,
    /// The first line of the failure's message.
    pub message: String,
}

impl SuiteHistory {
    /// Computes the history of the tests that `selects` accepts. The runs are ordered, oldest first.
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
            tests: tests
                .iter()
                .filter(|(test, _)| selects(test))
                .filter_map(|(_, seen)| TestHistory::of(seen))
                .collect(),
        }
    }
}

impl TestHistory {
    fn of(seen: &[(&Run, &Attempt)]) -> Option<Self> {
        let conclusive: Vec<(&Run, &Attempt, bool)> =
            seen.iter().filter_map(|(run, attempt)| Some((*run, *attempt, attempt.has_passed()?))).collect();
        let (_, first, _) = conclusive.first()?;
        let (older, newer) = conclusive.split_at(conclusive.len() / 2);
        let mixed = mixed(&conclusive);
        let sorted_durations = sorted_durations(&conclusive);
        let last_failure =
            conclusive.iter().rev().find(|(_, _, passed)| !passed).map(|(run, attempt, _)| LastFailure {
                began_unix_ms: run.key.began_unix_ms,
                revision: run.revision.clone(),
                phase: attempt.phase.clone(),
                // An earlier version of itest, which recognized fewer kinds of secrets, may have stored the message.
                message: redacted(&attempt.message).into_owned(),
            });
        Some(Self {
            test: first.test.clone(),
            tally: count(&conclusive),
            trend: trend(count(older), count(newer)),
            mixed_codes: mixed.len(),
            mixed: mixed.into_iter().next_back(),
            median: percentile(&sorted_durations, 50),
            p95: percentile(&sorted_durations, 95),
            duration_change: duration_change(passed_durations(older), passed_durations(newer)),
            last_failure,
        })
    }

    /// The share of failed attempts, from 0 to 1.
    #[must_use]
    pub(super) fn rate(&self) -> f64 {
        self.tally.rate().unwrap_or_default()
    }

    /// Bounds of the true failure rate at 95 % confidence. They are Wilson's interval; if all attempts passed or all
    /// failed, they are the exact one-sided bound, because Wilson's interval is too narrow there.
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

fn count(conclusive: &[(&Run, &Attempt, bool)]) -> Tally {
    let as_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Tally::new(as_u32(conclusive.len()), as_u32(conclusive.iter().filter(|(_, _, passed)| !passed).count()))
}

fn trend(before: Tally, after: Tally) -> Option<Trend> {
    if before.failures() + after.failures() == 0 {
        return None;
    }
    let direction = match probability_that_greater(after, before) {
        rise if rise >= MIN_TREND_PROBABILITY => Direction::Rising,
        rise if rise <= 1.0 - MIN_TREND_PROBABILITY => Direction::Falling,
        _ => return None,
    };
    Some(Trend { before, after, direction })
}

/// Versions of the code with which the test both passed and failed, in the order in which they were last run.
fn mixed(conclusive: &[(&Run, &Attempt, bool)]) -> Vec<MixedOutcomes> {
    let mut codes: BTreeMap<String, (usize, MixedOutcomes)> = BTreeMap::new();
    for (position, (run, _, passed)) in conclusive.iter().enumerate() {
        // All attempts of one run have the same code, even if the code is not known: such a run gets a key of its code_key.
        let Key { began_unix_ms, process, seed, .. } = &run.key;
        let code_key = if run.code.is_empty() { format!("{began_unix_ms} {process} {seed}") } else { run.code.clone() };
        let (last, code) = codes.entry(code_key).or_default();
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

/// The durations of passed attempts, in order of time. The duration of a failed attempt only shows how soon it failed.
fn passed_durations(conclusive: &[(&Run, &Attempt, bool)]) -> Vec<Duration> {
    conclusive.iter().filter(|(_, _, passed)| *passed).map(|(_, attempt, _)| attempt.elapsed).collect()
}

/// Sorted durations of passed attempts, or of all attempts if none passed.
fn sorted_durations(conclusive: &[(&Run, &Attempt, bool)]) -> Vec<Duration> {
    let mut sorted_durations = passed_durations(conclusive);
    if sorted_durations.is_empty() {
        sorted_durations = conclusive.iter().map(|(_, attempt, _)| attempt.elapsed).collect();
    }
    sorted_durations.sort_unstable();
    sorted_durations
}

fn duration_change(mut before: Vec<Duration>, mut after: Vec<Duration>) -> Option<(Duration, Duration)> {
    if before.len().min(after.len()) < MIN_PASSES_PER_HALF || shift(&before, &after).abs() < MIN_SHIFT_DEVIATIONS {
        return None;
    }
    before.sort_unstable();
    after.sort_unstable();
    let (old, new) = (percentile(&before, 50), percentile(&after, 50));
    let (less, more) = (old.min(new), old.max(new));
    (more > less.mul_f64(MIN_CHANGE_FACTOR)).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    /// A run of one test whose attempts pass (`.`), fail (`F`) or are skipped (`s`). An attempt takes 1 ms in runs
    /// before number 10, and 3 ms from there on.
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

    fn test_history(runs: &[Run]) -> TestHistory {
        SuiteHistory::of(runs, |_| true).tests.pop().unwrap()
    }

    #[test]
    fn skipped_attempts_do_not_count() {
        let test_history = test_history(&[run(1, "a", "..sF"), run(2, "a", "s")]);
        assert_eq!(test_history.tally, Tally::new(3, 1));
        assert_eq!(test_history.last_failure.unwrap().message, "run 1");
        assert!(SuiteHistory::of(&[run(1, "a", "ss")], |_| true).tests.is_empty());
    }

    #[test]
    fn newest_code_version_with_passes_and_failures_is_reported() {
        let test_history =
            test_history(&[run(1, "a", "."), run(2, "a", "F"), run(3, "b", "."), run(4, "c", "."), run(5, "c", ".F")]);
        let mixed = test_history.mixed.unwrap();
        assert_eq!((mixed.revision.as_str(), mixed.passed, mixed.failed, test_history.mixed_codes), ("c", 2, 1, 2));
    }

    #[test]
    fn fixed_failure_is_not_a_different_outcome_of_the_same_code() {
        assert_eq!(test_history(&[run(1, "a", "FF"), run(2, "b", "..")]).mixed, None);
        assert_eq!(
            test_history(&[run(1, "", "F"), run(2, "", ".")]).mixed,
            None,
            "the code of these runs is not known"
        );
        assert!(test_history(&[run(1, "", "F.")]).mixed.is_some(), "one run has one code");
    }

    #[test]
    fn trend_is_reported_when_it_is_significant() {
        let old: Vec<Run> = (0..10).map(|number| run(number, "a", ".")).collect();
        let new = |marks: &str| marks.chars().zip(10..).map(|(mark, at)| run(at, "a", &mark.to_string())).collect();
        let all = |marks: &str| [old.clone(), new(marks)].concat();
        assert_eq!(test_history(&all("....F.....")).trend, None);
        let rising = test_history(&all("F.FF.F.FFF")).trend.unwrap();
        let halves = (Tally::new(10, 0), Tally::new(10, 7));
        assert_eq!((rising.before, rising.after, rising.direction), (halves.0, halves.1, Direction::Rising));
        let mut fixed = all("F.FF.F.FFF");
        fixed.rotate_left(10);
        assert_eq!(test_history(&fixed).trend.unwrap().direction, Direction::Falling);
    }

    #[test]
    fn slower_newer_half_is_reported() {
        let runs: Vec<Run> = (0..20).map(|number| run(number, "a", ".")).collect();
        assert_eq!(test_history(&runs).duration_change, Some((Duration::from_millis(1), Duration::from_millis(3))));
        assert_eq!(test_history(&runs[..10]).duration_change, None);
        assert_eq!(test_history(&runs).p95, Duration::from_millis(3));
    }
}
