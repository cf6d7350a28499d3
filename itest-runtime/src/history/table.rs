//! The history for people.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use super::story::{Chronicle, LastFailure, Story};
use crate::detect::{Confidence, Tally, percent};
use crate::model::{LAST_UNIX_MS, Quarantine, TestId};
use crate::report::{counted, time_in_words};

/// So many slow tests are named.
const SLOWEST: usize = 10;

/// A test below this is not worth being called slow.
const WORTH_NAMING: Duration = Duration::from_millis(10);

/// So much of a commit says which one.
const SHORT: usize = 12;

/// Writes what is known, the worst first. `title` says what it is about.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write_table(
    chronicle: &Chronicle,
    title: &str,
    quarantined: &BTreeMap<TestId, Quarantine>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Chronicle { runs, attempts, revisions, span, stories } = chronicle;
    let span = span.map_or_else(String::new, |(first, last)| format!(" from {} to {}", moment(first), moment(last)));
    let (runs, attempts, revisions) =
        (counted(*runs, "run"), counted(*attempts, "attempt"), counted(*revisions, "commit"));
    writeln!(out, "history of {title}: {runs}{span}, {attempts}, {revisions}")?;

    let by_rate =
        |left: &&Story, right: &&Story| right.rate().total_cmp(&left.rate()).then_with(|| left.test.cmp(&right.test));
    let (mut flaky, mut failing): (Vec<&Story>, Vec<&Story>) =
        stories.iter().filter(|story| story.tally.failures() > 0).partition(|story| story.mixed.is_some());
    flaky.sort_by(by_rate);
    failing.sort_by(by_rate);
    write_failures("the same code with different outcomes", &flaky, quarantined, out)?;
    write_failures("failing", &failing, quarantined, out)?;

    let is_slow = |story: &&Story| story.p95 >= WORTH_NAMING;
    let mut slow: Vec<&Story> = stories.iter().filter(is_slow).collect();
    slow.sort_by_key(|story| std::cmp::Reverse(story.median));
    let changed: Vec<&Story> = slow
        .iter()
        .enumerate()
        .filter(|(at, story)| *at < SLOWEST || story.pace.is_some())
        .map(|(_, story)| *story)
        .collect();
    write_slow(&changed, out)?;
    write_green(stories, out)
}

fn write_failures(
    title: &str,
    stories: &[&Story],
    quarantined: &BTreeMap<TestId, Quarantine>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if stories.is_empty() {
        return Ok(());
    }
    let header = ["", "failed", "rate, 95 % interval", "median", "p95"].map(str::to_owned);
    let row = |story: &&Story| {
        let Story { test, tally, median, p95, .. } = story;
        let (low, high) = story.bounds();
        let [rate, low, high] = [story.rate(), low, high].map(|share| percent(share, f64::round));
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
    let rows: Vec<_> = std::iter::once(header).chain(stories.iter().map(row)).collect();
    let lines = aligned(&rows);
    writeln!(out, "  {}", lines[0])?;
    for (story, line) in stories.iter().zip(&lines[1..]) {
        writeln!(out, "  {line}")?;
        for remark in remarks(story, quarantined.get(&story.test)) {
            writeln!(out, "      {remark}")?;
        }
    }
    Ok(())
}

fn remarks(story: &Story, quarantine: Option<&Quarantine>) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(mixed) = &story.mixed {
        let commit = if mixed.revision.is_empty() { "one run".to_owned() } else { commit(&mixed.revision) };
        let others = match story.mixed_codes {
            0 | 1 => String::new(),
            more => format!("; so with {} others", more - 1),
        };
        remarks.push(format!("{commit}: passed {}, failed {}{others}", times(mixed.passed), times(mixed.failed)));
    }
    if let Some(trend) = story.trend {
        let of = |half: Tally, which: &str| format!("{} of the {which} {} attempts", half.failures(), half.runs());
        let halves = format!("{}, {}", of(trend.before, "older"), of(trend.after, "newer"));
        remarks.push(format!("{}: {halves}", trend.direction.word()));
    }
    if let Some(LastFailure { began_unix_ms, phase, message, .. }) = &story.last_failure {
        let phase = if phase.is_empty() { String::new() } else { format!(" in {phase}") };
        let message = if message.is_empty() { String::new() } else { format!(": {}", in_one_line(message)) };
        remarks.push(format!("last failed {}{phase}{message}", moment(*began_unix_ms)));
    }
    if let Some(quarantine) = quarantine {
        remarks.push(format!("quarantined {quarantine}"));
    }
    remarks
}

/// A text without what would begin a new line or command the terminal.
fn in_one_line(message: &str) -> String {
    let shown = |character: char| match character {
        control if control.is_control() => control.escape_debug().to_string(),
        other => other.to_string(),
    };
    message.chars().map(shown).collect()
}

fn write_slow(stories: &[&Story], out: &mut dyn Write) -> io::Result<()> {
    if stories.is_empty() {
        return Ok(());
    }
    let header = ["", "median", "p95", ""].map(str::to_owned);
    let row = |story: &&Story| {
        let pace = story.pace.map_or_else(String::new, |(old, new)| {
            let word = if new > old { "slower" } else { "faster" };
            format!("{word}: median {} in the older half, {} in the newer", time_in_words(old), time_in_words(new))
        });
        [in_one_line(story.test.as_str()), time_in_words(story.median), time_in_words(story.p95), pace]
    };
    writeln!(out, "\nslow:")?;
    let rows: Vec<_> = std::iter::once(header).chain(stories.iter().map(row)).collect();
    aligned(&rows).iter().try_for_each(|line| writeln!(out, "  {line}"))
}

/// Tests without a failure: what that is worth depends on how often they ran.
fn write_green(stories: &[Story], out: &mut dyn Write) -> io::Result<()> {
    let green: Vec<Tally> = stories.iter().map(|story| story.tally).filter(|tally| tally.failures() == 0).collect();
    let Some(least) = green.iter().min_by_key(|tally| tally.runs()) else { return Ok(()) };
    let most = green.iter().map(|tally| tally.runs()).max().unwrap_or_default();
    let range = if least.runs() == most { String::new() } else { format!(" to {most}") };
    let worth = least.in_words(Confidence::P95);
    let runs = if most == 1 { "run" } else { "runs" };
    writeln!(out, "\nno failure seen in {}, {}{range} {runs} each; {worth}", counted(green.len(), "test"), least.runs())
}

/// Columns side by side, the first one flush left, the others as wide as they must be.
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
    format!("commit {}", revision.chars().take(SHORT).collect::<String>())
}

/// A moment as people write it, in UTC; a later one than has a date is shown as the last that has one.
fn moment(unix_ms: u64) -> String {
    let moment = UNIX_EPOCH + Duration::from_millis(unix_ms.min(LAST_UNIX_MS));
    let text = humantime::format_rfc3339_seconds(moment).to_string();
    text.chars().take(16).collect::<String>().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_as_it_is_but_for_what_commands_the_terminal() {
        assert_eq!(in_one_line("kind \"x\" isn't\n\u{1b}[31mred"), "kind \"x\" isn't\\n\\u{1b}[31mred");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["", "failed"], ["é", "1 of 2"], ["long", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["      failed", "é     1 of 2", "long  x"]);
    }

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(moment(1_234_567_890_123), "2009-02-13 23:31");
        assert_eq!(moment(0), "1970-01-01 00:00");
        assert_eq!(moment(u64::MAX), "9999-12-31 23:59");
    }
}
