//! The report for people: libtest's lines, failures in full at the end.

use std::io::{self, Write};

use super::failure::status;
use super::progress::LiveLine;
use super::summary::Ending;
use super::text::{Ink, Inked, count, shard_in_words, time};
use super::{ColorMode, Look, Reporter, TimeColumn};
use crate::model::{CaseReport, Event, Order, Running};

/// One line a test.
#[derive(Debug)]
pub(crate) struct Console {
    look: Look,
    live: Option<LiveLine>,
    ending: Ending,
}

impl Console {
    /// A report in this look.
    #[must_use]
    pub(crate) fn new(look: Look) -> Self {
        Self { live: look.live_width.map(LiveLine::new), look, ending: Ending::new() }
    }

    fn write_line(&self, case: &CaseReport, out: &mut dyn Write) -> io::Result<()> {
        let (ink, word) = status(case);
        // In pieces and not through `format_args!`: there is one such line for each test.
        for piece in ["test ", case.id.as_str(), " ... "] {
            out.write_all(piece.as_bytes())?;
        }
        match self.look.color {
            ColorMode::Plain => out.write_all(word.as_bytes())?,
            ColorMode::Colored => write!(out, "{}", Inked(ColorMode::Colored, ink, word))?,
        }
        if self.look.time == TimeColumn::Shown {
            write!(out, " <{:.3}s>", case.elapsed.as_secs_f64())?;
        }
        out.write_all(b"\n")
    }
}

impl Reporter for Console {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        if let Some(live) = &mut self.live {
            match event {
                Event::Progress { running, finished, failed } => return live.draw(running, *finished, *failed, out),
                _ => live.clear(out)?,
            }
        }
        match event {
            Event::RunStarted { selected, order, seed, jobs, repeats, facts } => {
                self.ending.begin(*seed);
                if let Some(live) = &mut self.live {
                    live.begin(*selected);
                }
                writeln!(out, "\nrunning {}", count(*selected, "test"))?;
                let order = match order {
                    Order::Random => format!("random order, seed {seed}"),
                    Order::Declared => format!("declared order, seed {seed}"),
                    Order::Reverse => format!("reverse order, seed {seed}"),
                    Order::LongestFirst => format!("the longest first, seed {seed}"),
                    Order::Given => format!("in the order given, seed {seed}"),
                };
                let repeats = repeats.in_words().map_or_else(String::new, |words| format!(", {words}"));
                let line = format!("{order}, {}{repeats}", count(*jobs, "worker"));
                writeln!(out, "{}", Inked(self.look.color, Ink::Dim, line))?;
                match &facts.shard {
                    None => Ok(()),
                    Some(shard) => writeln!(out, "{}", shard_in_words(shard, *selected)),
                }
            }
            Event::CaseIgnored { id, reason } => {
                let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
                writeln!(out, "test {id} ... {}{reason}", Inked(self.look.color, Ink::Yellow, "ignored"))
            }
            Event::CaseSlow(Running { id, elapsed, phase }) => {
                let phase = phase.map_or_else(String::new, |phase| format!(", in {phase}"));
                writeln!(out, "test {id} has been running for over {}{phase}", time(*elapsed))?;
                out.flush()
            }
            Event::CaseRetried(case) => {
                let (_, word) = status(case);
                writeln!(out, "test {} ... attempt {} {word}, trying again", case.id, case.attempts)
            }
            Event::CaseFinished(case) => {
                self.ending.remember(case, self.look.output);
                self.write_line(case, out)
            }
            Event::Warning(message) => {
                writeln!(out, "{}: {message}", Inked(self.look.color, Ink::Yellow, "warning"))
            }
            Event::Interrupting { signal, running } => {
                let running: Vec<_> = running.iter().map(ToString::to_string).collect();
                let running = if running.is_empty() { "nothing".to_owned() } else { running.join(", ") };
                writeln!(out, "{signal}: no more tests are started; ending and tearing down {running}")?;
                out.flush()
            }
            Event::RunFinished(summary) => {
                self.ending.write(summary, &self.look, out)?;
                out.flush()
            }
            Event::CaseStarted { .. } | Event::Progress { .. } => Ok(()),
        }
    }
}
