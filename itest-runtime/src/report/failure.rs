//! Shows a failed case in full: the outcome, the location, the message, the output, and the command that repeats it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::ReportOptions;
use super::assertion::FailedAssertion;
use super::text::{Style, Styled, time};
use crate::model::{AttemptReport, CaseReport, Failure, Note, Outcome, Phase, PhaseTime, Problem, Seed};

/// The outcome and the phase to which it is attributed, such as `failed in act, "the customer pays"`.
pub(super) fn headline(report: &AttemptReport) -> String {
    match report.failures.first() {
        None => report.outcome.to_string(),
        Some(failure) => format!("{} in {}", report.outcome, phase(failure)),
    }
}

fn phase(failure: &Failure) -> String {
    if let Some(thread) = &failure.thread {
        return format!("{}, in {thread},", failure.phase);
    }
    match &failure.description {
        None => failure.phase.to_string(),
        Some(description) if failure.phase == Phase::Setup => format!("setup of `{}`", description.escape_debug()),
        Some(description) if failure.phase == Phase::Invariants => {
            format!("invariant `{}`", description.escape_debug())
        }
        Some(description) => format!("{}, \"{}\"", failure.phase, description.escape_debug()),
    }
}

/// Writes the details of a case that did not pass.
pub(super) fn write_failure(
    case: &CaseReport,
    seed: Seed,
    options: &ReportOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let bold = |text: String| Styled(options.color, Style::Bold, text);
    writeln!(out, "---- {} ----", bold(case.id.to_string()))?;
    for (position, failure) in case.report.failures.iter().enumerate() {
        let what = if position == 0 { headline(&case.report) } else { format!("and in {}", phase(failure)) };
        let place = failure.problem.location.as_ref().unwrap_or(&case.location);
        writeln!(out, "{} at {place}", Styled(options.color, Style::Red, what))?;
        write_problem(&failure.problem, options, out)?;
        if failure.thread.is_some() {
            writeln!(out, "  if this panic is expected: itest::allow_background_panics(\"why\")")?;
        }
    }
    if case.report.failures.is_empty() {
        writeln!(out, "{} at {}", Styled(options.color, Style::Red, headline(&case.report)), case.location)?;
    }
    if case.attempts > 1 {
        writeln!(out, "  attempt: {}", case.attempts)?;
    }
    if !case.report.phases.is_empty() {
        writeln!(out, "  phases: {}", phases(&case.report.phases))?;
    }
    let is_failure = case.report.failures.iter().any(|failure| failure.problem.message.starts_with("left behind: "));
    if !case.report.leaks.is_empty() && !is_failure {
        writeln!(out, "  left behind: {}", case.report.leaks.join(", "))?;
    }
    if let Some(kept) = &case.report.kept {
        writeln!(out, "  kept, until `kill {}`:", kept.process)?;
        for step in &kept.steps {
            writeln!(out, "  - to {step}")?;
        }
    }
    for Note { title, text, .. } in &case.report.notes {
        writeln!(out, "  {}:", title.escape_debug())?;
        write_bounded(text, &margin(options), out)?;
    }
    write_exchanges(case, options, out)?;
    write_output(case, options, out)?;
    writeln!(out, "  repeat: {}\n", bold(options.repeat.test(&case.id, seed)))
}

/// The number of exchanges that are shown: the last ones.
const MAX_SHOWN_EXCHANGES: usize = 10;

/// The last exchanges of a case, one line each.
pub(super) fn last_exchanges(case: &CaseReport) -> Vec<String> {
    let exchanges = &case.report.exchanges;
    let shown = &exchanges[exchanges.len().saturating_sub(MAX_SHOWN_EXCHANGES)..];
    // A control character could forge a line of the report.
    let visible = |text: String| text.chars().map(|char| if char.is_control() { '\u{fffd}' } else { char }).collect();
    shown.iter().map(|exchange| visible(exchange.to_string())).collect()
}

fn write_exchanges(case: &CaseReport, options: &ReportOptions, out: &mut dyn Write) -> io::Result<()> {
    let lines = last_exchanges(case);
    match (case.report.exchanges.len(), lines.len()) {
        (_, 0) => return Ok(()),
        (all, shown) if all == shown => writeln!(out, "  exchanges:")?,
        (_, shown) => writeln!(out, "  exchanges, the last {shown}; --format json has more:")?,
    }
    write_bounded(&lines.join("\n"), &margin(options), out)
}

/// Writes the captured output of a case, each stream under its name.
pub(super) fn write_output(case: &CaseReport, options: &ReportOptions, out: &mut dyn Write) -> io::Result<()> {
    for (name, bytes) in [("stdout", &case.output.stdout), ("stderr", &case.output.stderr)] {
        if bytes.is_empty() {
            continue;
        }
        writeln!(out, "  {name}:")?;
        write_bounded(&String::from_utf8_lossy(bytes), &margin(options), out)?;
    }
    Ok(())
}

/// The margin of a text that comes from the test.
fn margin(options: &ReportOptions) -> String {
    format!("  {} ", Styled(options.color, Style::Dim, "|"))
}

/// The number of lines that are shown at the beginning and at the end of a long text.
const MAX_HEAD_AND_TAIL_LINES: (usize, usize) = (100, 200);

/// The number of characters of a long line that are shown.
const MAX_LINE_CHARS: usize = 1_000;

/// Writes the beginning and the end of a long text, and the beginning of each long line.
fn write_bounded(text: &str, margin: &str, out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<&str> = text.lines().collect();
    let (head, tail) = MAX_HEAD_AND_TAIL_LINES;
    let omitted = lines.len().saturating_sub(head + tail);
    for (position, line) in lines.iter().enumerate() {
        if position == head && omitted > 0 {
            writeln!(out, "{margin}… {omitted} lines left out; --format json has them all …")?;
        }
        if (head..head + omitted).contains(&position) {
            continue;
        }
        match line.char_indices().nth(MAX_LINE_CHARS) {
            None => writeln!(out, "{margin}{line}")?,
            Some((end, _)) => writeln!(out, "{margin}{}… {} bytes more", &line[..end], line.len() - end)?,
        }
    }
    Ok(())
}

fn write_problem(problem: &Problem, options: &ReportOptions, out: &mut dyn Write) -> io::Result<()> {
    match FailedAssertion::parse(&problem.message) {
        Some(assertion) => assertion.write("  ", options.color, out)?,
        None => write_bounded(&problem.message, "  ", out)?,
    }
    if let Some(backtrace) = &problem.backtrace {
        writeln!(out, "  stack:")?;
        for line in backtrace.lines() {
            writeln!(out, "  {}", Styled(options.color, Style::Dim, line))?;
        }
    }
    Ok(())
}

fn phases(phases: &[PhaseTime]) -> String {
    let words = phases.iter().map(|phase| match &phase.description {
        None => format!("{} {}", phase.phase, time(phase.elapsed)),
        Some(description) => format!("{} \"{}\" {}", phase.phase, description.escape_debug(), time(phase.elapsed)),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// The status at the end of a test's line. It is libtest's word, followed by details in parentheses that libtest does
/// not have.
pub(super) fn status(case: &CaseReport) -> (Style, Cow<'static, str>) {
    if let Some(quarantine) = &case.quarantine {
        // `ignored` is libtest's word for a test that does not count.
        return (Style::Yellow, format!("ignored, quarantined ({}; {quarantine})", headline(&case.report)).into());
    }
    match case.report.outcome {
        Outcome::Passed => (Style::Green, "ok".into()),
        Outcome::Flaky => (Style::Yellow, format!("ok (flaky: passed in attempt {})", case.attempts).into()),
        Outcome::Skipped => {
            let reason = case.report.skip_reason.as_deref().unwrap_or_default();
            (Style::Yellow, format!("ignored, {}", reason.lines().collect::<Vec<_>>().join(" ")).into())
        }
        Outcome::Failed if case.report.failures.first().is_none_or(|failure| failure.phase == Phase::Body) => {
            (Style::Red, "FAILED".into())
        }
        Outcome::Interrupted => (Style::Yellow, "interrupted".into()),
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
            (Style::Red, format!("FAILED ({})", headline(&case.report)).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = Vec::new();
        write_bounded(text, "| ", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn long_text_is_shown_in_part() {
        assert_eq!(shown("a\nb\n"), "| a\n| b\n");
        let numbers: String = (0..1_000).fold(String::new(), |text, number| text + &number.to_string() + "\n");
        let cut = shown(&numbers);
        assert_eq!(cut.lines().count(), 301);
        assert!(cut.contains("| 99\n| … 700 lines left out; --format json has them all …\n| 800\n"), "{cut}");
        assert!(shown(&"é".repeat(5_000)).contains("… 8000 bytes more"));
    }
}
