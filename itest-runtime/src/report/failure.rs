//! One failed case in full: what, where, why, what it wrote, how to repeat it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Look;
use super::assertion::Comparison;
use super::text::{Ink, Inked, time};
use crate::model::{AttemptReport, CaseReport, Failure, Outcome, Phase, PhaseTime, Problem, Seed};

/// `failed in act, "the customer pays"`: the outcome and the phase it is attributed to.
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
        Some(description) => format!("{}, \"{}\"", failure.phase, description.escape_debug()),
    }
}

/// Writes everything that helps to understand why a case did not pass.
pub(super) fn write_failure(case: &CaseReport, seed: Seed, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let bold = |text: String| Inked(look.color, Ink::Bold, text);
    writeln!(out, "---- {} ----", bold(case.id.to_string()))?;
    for (position, failure) in case.report.failures.iter().enumerate() {
        let what = if position == 0 { headline(&case.report) } else { format!("and in {}", phase(failure)) };
        let place = failure.problem.location.as_ref().unwrap_or(&case.location);
        writeln!(out, "{} at {place}", Inked(look.color, Ink::Red, what))?;
        write_problem(&failure.problem, look, out)?;
        if failure.thread.is_some() {
            writeln!(out, "  if this panic is expected: itest::allow_background_panics(\"why\")")?;
        }
    }
    if case.report.failures.is_empty() {
        writeln!(out, "{} at {}", Inked(look.color, Ink::Red, headline(&case.report)), case.location)?;
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
    write_output(case, look, out)?;
    writeln!(out, "  repeat: {}\n", bold(look.repeat.test(&case.id, seed)))
}

/// The captured output of a case, each stream under its name.
pub(super) fn write_output(case: &CaseReport, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    for (name, bytes) in [("stdout", &case.output.stdout), ("stderr", &case.output.stderr)] {
        if bytes.is_empty() {
            continue;
        }
        writeln!(out, "  {name}:")?;
        let margin = format!("  {} ", Inked(look.color, Ink::Dim, "|"));
        write_bounded(&String::from_utf8_lossy(bytes), &margin, out)?;
    }
    Ok(())
}

/// Lines at the beginning and at the end of a long text that are shown.
const SHOWN_LINES: (usize, usize) = (100, 200);

/// Characters of a long line that are shown.
const SHOWN_CHARACTERS: usize = 1_000;

/// Writes a text as far as somebody would read it: its beginning and its end, and lines of a bearable length.
fn write_bounded(text: &str, margin: &str, out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<&str> = text.lines().collect();
    let (head, tail) = SHOWN_LINES;
    let left_out = lines.len().saturating_sub(head + tail);
    for (position, line) in lines.iter().enumerate() {
        if position == head && left_out > 0 {
            writeln!(out, "{margin}… {left_out} lines left out; --format json has them all …")?;
        }
        if (head..head + left_out).contains(&position) {
            continue;
        }
        match line.char_indices().nth(SHOWN_CHARACTERS) {
            None => writeln!(out, "{margin}{line}")?,
            Some((end, _)) => writeln!(out, "{margin}{}… {} bytes more", &line[..end], line.len() - end)?,
        }
    }
    Ok(())
}

fn write_problem(problem: &Problem, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    match Comparison::parse(&problem.message) {
        Some(comparison) => comparison.write("  ", look.color, out)?,
        None => write_bounded(&problem.message, "  ", out)?,
    }
    if let Some(backtrace) = &problem.backtrace {
        writeln!(out, "  stack:")?;
        for line in backtrace.lines() {
            writeln!(out, "  {}", Inked(look.color, Ink::Dim, line))?;
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

/// The word at the end of a case's line, as libtest says it, and what libtest has no word for in brackets.
pub(super) fn status(case: &CaseReport) -> (Ink, Cow<'static, str>) {
    if let Some(quarantine) = &case.quarantine {
        // libtest's word for a test that does not count.
        return (Ink::Yellow, format!("ignored, quarantined ({}; {quarantine})", headline(&case.report)).into());
    }
    match case.report.outcome {
        Outcome::Passed => (Ink::Green, "ok".into()),
        Outcome::Flaky => (Ink::Yellow, format!("ok (flaky: passed in attempt {})", case.attempts).into()),
        Outcome::Skipped => {
            let reason = case.report.skip_reason.as_deref().unwrap_or_default();
            (Ink::Yellow, format!("ignored, {}", reason.lines().collect::<Vec<_>>().join(" ")).into())
        }
        Outcome::Failed if case.report.failures.first().is_none_or(|failure| failure.phase == Phase::Body) => {
            (Ink::Red, "FAILED".into())
        }
        Outcome::Interrupted => (Ink::Yellow, "interrupted".into()),
        Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
            (Ink::Red, format!("FAILED ({})", headline(&case.report)).into())
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
    fn a_text_is_shown_as_far_as_somebody_would_read_it() {
        assert_eq!(shown("a\nb\n"), "| a\n| b\n");
        let numbers: String = (0..1_000).fold(String::new(), |text, number| text + &number.to_string() + "\n");
        let cut = shown(&numbers);
        assert_eq!(cut.lines().count(), 301);
        assert!(cut.contains("| 99\n| … 700 lines left out; --format json has them all …\n| 800\n"), "{cut}");
        assert!(shown(&"é".repeat(5_000)).contains("… 8000 bytes more"));
    }
}
