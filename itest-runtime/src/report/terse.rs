//! The short report: a character a test, failures in full at the end.

use std::io::{self, Write};

use super::summary::Ending;
use super::text::{Ink, Inked, count, shard_in_words};
use super::{Look, Reporter};
use crate::model::{Event, Outcome};

/// Characters in a line, as with libtest.
const LINE: usize = 88;

/// One character a test.
#[derive(Debug)]
pub(crate) struct Terse {
    look: Look,
    ending: Ending,
    total: usize,
    finished: usize,
}

impl Terse {
    /// A report in this look.
    #[must_use]
    pub(crate) fn new(look: Look) -> Self {
        Self { look, ending: Ending::new(), total: 0, finished: 0 }
    }

    fn mark(&mut self, ink: Ink, mark: &str, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}", Inked(self.look.color, ink, mark))?;
        self.finished += 1;
        if self.finished.is_multiple_of(LINE) {
            writeln!(out, " {}/{}", self.finished, self.total)?;
        }
        out.flush()
    }
}

impl Reporter for Terse {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunStarted { selected, seed, facts, .. } => {
                self.ending.begin(*seed);
                self.total = *selected;
                writeln!(out, "\nrunning {}\nseed {seed}", count(*selected, "test"))?;
                match &facts.shard {
                    None => Ok(()),
                    Some(shard) => writeln!(out, "{}", shard_in_words(shard, *selected)),
                }
            }
            Event::CaseIgnored { .. } => self.mark(Ink::Yellow, "i", out),
            Event::CaseFinished(case) => {
                self.ending.remember(case, self.look.output);
                match case.report.outcome {
                    _ if case.quarantine.is_some() => self.mark(Ink::Yellow, "i", out),
                    Outcome::Passed => self.mark(Ink::Green, ".", out),
                    Outcome::Flaky => self.mark(Ink::Yellow, ".", out),
                    Outcome::Skipped | Outcome::Interrupted => self.mark(Ink::Yellow, "i", out),
                    Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => {
                        self.mark(Ink::Red, "F", out)
                    }
                }
            }
            Event::RunFinished(summary) => {
                writeln!(out)?;
                self.ending.write(summary, &self.look, out)?;
                out.flush()
            }
            _ => Ok(()),
        }
    }
}
