//! The report for people: one line per test as in libtest, with the failures in full at the end.

use std::io::{self, Write};

use super::failure::status;
use super::progress::LiveLine;
use super::summary::SummarySection;
use super::text::{Style, Styled, count, shard_in_words, time};
use super::{ColorMode, ReportOptions, Reporter, TimeColumn};
use crate::model::{CaseReport, Event, Order, Running};

/// The reporter that writes one line per test.
#[derive(Debug)]
pub(crate) struct Console {
    options: ReportOptions,
    live: Option<LiveLine>,
    summary: SummarySection,
}

impl Console {
    /// Creates a report with these options.
    #[must_use]
    pub(crate) fn new(options: ReportOptions) -> Self {
        Self { live: options.live_width.map(LiveLine::new), options, summary: SummarySection::new() }
    }

    fn write_line(&self, case: &CaseReport, out: &mut dyn Write) -> io::Result<()> {
        let (style, word) = status(case);
        // The line is written in pieces and not with `format_args!`, because there is one such line for each test and
        // formatting is slow.
        for piece in ["test ", case.id.as_str(), " ... "] {
            out.write_all(piece.as_bytes())?;
        }
        match self.options.color {
            ColorMode::Plain => out.write_all(word.as_bytes())?,
            ColorMode::Colored => write!(out, "{}", Styled(ColorMode::Colored, style, word))?,
        }
        if self.options.time == TimeColumn::Shown {
            write!(out, " <{:.3}s>", case.elapsed.as_secs_f64())?;
        }
        out.write_all(b"\n")
    }

    /// Writes the lines at the start of a run: the number of tests, their order, and the part of the suite.
    fn begin(&mut self, started: &Event, out: &mut dyn Write) -> io::Result<()> {
        let Event::RunStarted { selected, order, seed, jobs, repeats, facts } = started else { return Ok(()) };
        self.summary.begin(*seed);
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
        writeln!(out, "{}", Styled(self.options.color, Style::Dim, line))?;
        match &facts.shard {
            None => Ok(()),
            Some(shard) => writeln!(out, "{}", shard_in_words(shard, *selected)),
        }
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
            Event::RunStarted { .. } => self.begin(event, out),
            Event::CaseIgnored { id, reason } => {
                let reason = if reason.is_empty() { String::new() } else { format!(", {reason}") };
                writeln!(out, "test {id} ... {}{reason}", Styled(self.options.color, Style::Yellow, "ignored"))
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
                self.summary.remember(case, self.options.output);
                self.write_line(case, out)
            }
            Event::Warning(message) => {
                writeln!(out, "{}: {message}", Styled(self.options.color, Style::Yellow, "warning"))
            }
            Event::Interrupting { signal, running } => {
                let running: Vec<_> = running.iter().map(ToString::to_string).collect();
                let running = if running.is_empty() { "nothing".to_owned() } else { running.join(", ") };
                writeln!(out, "{signal}: no more tests are started; ending and tearing down {running}")?;
                out.flush()
            }
            Event::RunFinished(totals) => {
                self.summary.write(totals, &self.options, out)?;
                out.flush()
            }
            Event::CaseStarted { .. } | Event::Progress { .. } => Ok(()),
        }
    }
}
