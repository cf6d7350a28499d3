//! The history as a table, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use super::suite_history::{LastFailure, SuiteHistory, TestHistory};
use crate::detect::{Confidence, Tally, percent};
use crate::model::{LAST_UNIX_MS, Quarantine, TestId};
use crate::report::{counted, time_in_words};

/// The number of slow tests that are shown.
const MAX_SLOW_TESTS: usize = 10;

/// Tests whose 95th percentile is below this are not shown as slow.
const MIN_SLOW_TIME: Duration = Duration::from_millis(10);

/// The number of characters of a commit that are shown.
const COMMIT_CHARS: usize = 12;

/// Writes the history of a suite, with the tests that fail most often first. `title` names the suite and the history.
///
/// # Errors
///
/// When `out` returns an error.
pub(crate) fn write_table(
    history: &SuiteHistory,
    title: &str,
    quarantined: &BTreeMap<TestId, Quarantine>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let SuiteHistory { runs, attempts, revisions, span, tests } = history;
    let span =
        span.map_or_else(String::new, |(first, last)| format!(" from {} to {}", timestamp(first), timestamp(last)));
    let (runs, attempts, revisions) =
        (counted(*runs, "run"), counted(*attempts, "attempt"), counted(*revisions, "commit"));
    writeln!(out, "history of {title}: {runs}{span}, {attempts}, {revisions}")?;

    let by_rate = |left: &&TestHistory, right: &&TestHistory| {
        right.rate().total_cmp(&left.rate()).then_with(|| left.test.cmp(&right.test))
    };
    let (mut flaky, mut failing): (Vec<&TestHistory>, Vec<&TestHistory>) =
        tests.iter().filter(|test| test.tally.failures() > 0).partition(|test| test.mixed.is_some());
    flaky.sort_by(by_rate);
    failing.sort_by(by_rate);
    write_failures("the same code with different outcomes", &flaky, quarantined, out)?;
    write_failures("failing", &failing, quarantined, out)?;

    let is_slow = |test: &&TestHistory| test.p95 >= MIN_SLOW_TIME;
    let mut slow: Vec<&TestHistory> = tests.iter().filter(is_slow).collect();
    slow.sort_by_key(|test| std::cmp::Reverse(test.median));
    let changed: Vec<&TestHistory> = slow
        .iter()
        .enumerate()
        .filter(|(at, test)| *at < MAX_SLOW_TESTS || test.duration_change.is_some())
        .map(|(_, test)| *test)
        .collect();
    write_slow(&changed, out)?;
    write_tests_without_failures(tests, out)
}

fn write_failures(
    title: &str,
    tests: &[&TestHistory],
    quarantined: &BTreeMap<TestId, Quarantine>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if tests.is_empty() {
        return Ok(());
    }
    let header = ["", "failed", "rate, 95 % interval", "median", "p95"].map(str::to_owned);
    let row = |history: &&TestHistory| {
        let TestHistory { test, tally, median, p95, .. } = history;
        let (low, high) = history.bounds();
        let [rate, low, high] = [history.rate(), low, high].map(|share| percent(share, f64::round));
        let rate = format!("{rate} ({low} to {high})");
        [
            in_one_line(test.as_str()),
            format!("{} of {}", tally.failures(), tally.runs()),
            rate,
            time_in_words(*median),
            time_in_words(*p95),
        ]
    };
    writeln!(out, "\n{title}:")?;
    let rows: Vec<_> = std::iter::once(header).chain(tests.iter().map(row)).collect();
    let lines = aligned(&rows);
    writeln!(out, "  {}", lines[0])?;
    for (test, line) in tests.iter().zip(&lines[1..]) {
        writeln!(out, "  {line}")?;
        for remark in remarks(test, quarantined.get(&test.test)) {
            writeln!(out, "      {remark}")?;
        }
    }
    Ok(())
}

fn remarks(test: &TestHistory, quarantine: Option<&Quarantine>) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(mixed) = &test.mixed {
        let commit = if mixed.revision.is_empty() { "one run".to_owned() } else { commit(&mixed.revision) };
        let others = match test.mixed_codes {
            0 | 1 => String::new(),
            more => format!("; so with {} others", more - 1),
        };
        remarks.push(format!("{commit}: passed {}, failed {}{others}", times(mixed.passed), times(mixed.failed)));
    }
    if let Some(trend) = test.trend {
        let of = |half: Tally, which: &str| format!("{} of the {which} {} attempts", half.failures(), half.runs());
        let halves = format!("{}, {}", of(trend.before, "older"), of(trend.after, "newer"));
        remarks.push(format!("{}: {halves}", trend.direction.word()));
    }
    if let Some(LastFailure { began_unix_ms, phase, message, .. }) = &test.last_failure {
        let phase = if phase.is_empty() { String::new() } else { format!(" in {phase}") };
        let message = if message.is_empty() { String::new() } else { format!(": {}", in_one_line(message)) };
        remarks.push(format!("last failed {}{phase}{message}", timestamp(*began_unix_ms)));
    }
    if let Some(quarantine) = quarantine {
        remarks.push(format!("quarantined {quarantine}"));
    }
    remarks
}

/// Escapes control characters, so that the text stays on one line and cannot send commands to the terminal.
fn in_one_line(message: &str) -> String {
    let shown = |character: char| match character {
        control if control.is_control() => control.escape_debug().to_string(),
        other => other.to_string(),
    };
    message.chars().map(shown).collect()
}

fn write_slow(tests: &[&TestHistory], out: &mut dyn Write) -> io::Result<()> {
    if tests.is_empty() {
        return Ok(());
    }
    let header = ["", "median", "p95", ""].map(str::to_owned);
    let row = |test: &&TestHistory| {
        let duration_change = test.duration_change.map_or_else(String::new, |(old, new)| {
            let word = if new > old { "slower" } else { "faster" };
            format!("{word}: median {} in the older half, {} in the newer", time_in_words(old), time_in_words(new))
        });
        [in_one_line(test.test.as_str()), time_in_words(test.median), time_in_words(test.p95), duration_change]
    };
    writeln!(out, "\nslow:")?;
    let rows: Vec<_> = std::iter::once(header).chain(tests.iter().map(row)).collect();
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// Writes how many tests never failed, and which failure rate that rules out for the test with the fewest runs.
fn write_tests_without_failures(tests: &[TestHistory], out: &mut dyn Write) -> io::Result<()> {
    let without_failures: Vec<Tally> =
        tests.iter().map(|test| test.tally).filter(|tally| tally.failures() == 0).collect();
    let Some(least) = without_failures.iter().min_by_key(|tally| tally.runs()) else { return Ok(()) };
    let most = without_failures.iter().map(|tally| tally.runs()).max().unwrap_or_default();
    let range = if least.runs() == most { String::new() } else { format!(" to {most}") };
    let bound = least.in_words(Confidence::P95);
    let runs = if most == 1 { "run" } else { "runs" };
    writeln!(
        out,
        "\nno failure seen in {}, {}{range} {runs} each; {bound}",
        counted(without_failures.len(), "test"),
        least.runs()
    )
}

/// Formats rows as aligned columns.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn commit(revision: &str) -> String {
    format!("commit {}", revision.chars().take(COMMIT_CHARS).collect::<String>())
}

/// A date and time in UTC, to the minute. A moment after the last one that can be shown is shown as the last one.
fn timestamp(unix_ms: u64) -> String {
    let timestamp = UNIX_EPOCH + Duration::from_millis(unix_ms.min(LAST_UNIX_MS));
    let text = humantime::format_rfc3339_seconds(timestamp).to_string();
    text.chars().take(16).collect::<String>().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_message_are_escaped() {
        assert_eq!(in_one_line("kind \"x\" isn't\n\u{1b}[31mred"), "kind \"x\" isn't\\n\\u{1b}[31mred");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["", "failed"], ["é", "1 of 2"], ["long", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["      failed", "é     1 of 2", "long  x"]);
    }

    #[test]
    fn timestamp_has_minutes_and_is_capped() {
        assert_eq!(timestamp(1_234_567_890_123), "2009-02-13 23:31");
        assert_eq!(timestamp(0), "1970-01-01 00:00");
        assert_eq!(timestamp(u64::MAX), "9999-12-31 23:59");
    }
}
