//! The short report: one character per test, with the failures in full at the end.

use std::io::{self, Write};

use super::summary::SummarySection;
use super::text::{Style, Styled, count, shard_in_words};
use super::{ReportOptions, Reporter};
use crate::model::{Event, Outcome};

/// The number of characters in a line, as with libtest.
const MARKS_PER_LINE: usize = 88;

/// The reporter that writes one character per test.
#[derive(Debug)]
pub(crate) struct Terse {
    options: ReportOptions,
    summary: SummarySection,
    total: usize,
    finished: usize,
}

impl Terse {
    /// Creates a report with these options.
    #[must_use]
    pub(crate) fn new(options: ReportOptions) -> Self {
        Self { options, summary: SummarySection::new(), total: 0, finished: 0 }
    }

    fn mark(&mut self, style: Style, mark: &str, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", Styled(self.options.color, style, mark))?;
        self.finished += 1;
        if self.finished.is_multiple_of(MARKS_PER_LINE) {
            writeln!(out, " {}/{}", self.finished, self.total)?;
        }
        out.flush()
    }
}

impl Reporter for Terse {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunStarted { selected, seed, facts, .. } => {
                self.summary.begin(*seed);
                self.total = *selected;
                writeln!(out, "\nrunning {}\nseed {seed}", count(*selected, "test"))?;
                match &facts.shard {
                    None => Ok(()),
                    Some(shard) => writeln!(out, "{}", shard_in_words(shard, *selected)),
                }
            }
            Event::CaseIgnored { .. } => self.mark(Style::Yellow, "i", out),
            Event::CaseFinished(case) => {
                self.summary.remember(case, self.options.output);
                match case.report.outcome {
                    _ if case.quarantine.is_some() => self.mark(Style::Yellow, "i", out),
                    Outcome::Passed => self.mark(Style::Green, ".", out),
                    Outcome::Flaky => self.mark(Style::Yellow, ".", out),
                    Outcome::Skipped | Outcome::Interrupted => self.mark(Style::Yellow, "i", out),
                    Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
                        self.mark(Style::Red, "F", out)
                    }
                }
            }
            Event::RunFinished(totals) => {
                writeln!(out)?;
                self.summary.write(totals, &self.options, out)?;
                out.flush()
            }
            _ => Ok(()),
        }
    }
}
