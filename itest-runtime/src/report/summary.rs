//! The end of a report: failures in full, what was slow, and libtest's own last line.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::Look;
use super::failure::{status, write_failure, write_output};
use super::text::{Ink, Inked, count, swept_in_words, time};
use crate::model::{CaseReport, FlakyResult, Seed, ShowOutput, Summary, TestId};

/// Captured output that is kept until the end of the run, for all failures together.
const KEPT: usize = 64 << 20;

/// A test below this is not worth being called slow.
const WORTH_NAMING: Duration = Duration::from_millis(10);

/// The same test may fail in many rounds: so many of its failures are shown in full.
const SHOWN_FAILURES: usize = 3;

/// Tests that left something behind and passed, before the rest is only counted.
const SHOWN_LEAKS: usize = 10;

/// Gathers what the end of the report is made of.
#[derive(Debug)]
pub(super) struct Ending {
    seed: Seed,
    failed: Vec<CaseReport>,
    shown: Vec<CaseReport>,
    flaky: Vec<CaseReport>,
    quarantined: Vec<CaseReport>,
    leaks: Vec<(TestId, String)>,
    /// How often each failed test failed.
    failures: BTreeMap<TestId, usize>,
    kept: usize,
}

impl Ending {
    pub(super) fn new() -> Self {
        Self {
            seed: Seed(0),
            failed: Vec::new(),
            shown: Vec::new(),
            flaky: Vec::new(),
            quarantined: Vec::new(),
            leaks: Vec::new(),
            failures: BTreeMap::new(),
            kept: 0,
        }
    }

    /// Remembers what repeats the run.
    pub(super) fn begin(&mut self, seed: Seed) {
        self.seed = seed;
    }

    /// Remembers a case if the end of the report will need it.
    pub(super) fn remember(&mut self, case: &CaseReport, output: ShowOutput) {
        let success = case.report.outcome.is_success();
        if success && !case.report.leaks.is_empty() {
            self.leaks.push((case.id.clone(), case.report.leaks.join(", ")));
        }
        let wrote = !case.output.stdout.is_empty() || !case.output.stderr.is_empty();
        if success && !(output == ShowOutput::All && wrote) && case.attempts == 1 {
            return;
        }
        let mut case = case.clone();
        self.kept += case.output.stdout.len() + case.output.stderr.len();
        if self.kept > KEPT {
            case.output.stdout = b"[itest: left out, too much output in this run; run this test alone]".to_vec();
            case.output.stderr.clear();
        }
        if !success {
            let failures = self.failures.entry(case.id.clone()).or_default();
            *failures += 1;
            if *failures > SHOWN_FAILURES {
                return;
            }
            let list = if case.quarantine.is_some() { &mut self.quarantined } else { &mut self.failed };
            list.push(case);
        } else if case.attempts > 1 {
            self.flaky.push(case);
        } else {
            self.shown.push(case);
        }
    }

    /// Writes the end.
    pub(super) fn write(&mut self, summary: &Summary, look: &Look, out: &mut dyn Write) -> io::Result<()> {
        // Sorted, so that two runs can be compared by eye whatever their order.
        for list in [&mut self.failed, &mut self.shown, &mut self.flaky, &mut self.quarantined] {
            list.sort_by(|left, right| left.id.cmp(&right.id));
        }
        if !self.shown.is_empty() {
            writeln!(out, "\nsuccesses:\n")?;
            for case in &self.shown {
                writeln!(out, "---- {} ----", case.id)?;
                write_output(case, look, out)?;
            }
        }
        if !self.quarantined.is_empty() {
            writeln!(out, "\nfailures in quarantine:\n")?;
            for case in &self.quarantined {
                write_failure(case, self.seed, look, out)?;
            }
        }
        if !self.failed.is_empty() {
            writeln!(out, "\nfailures:\n")?;
            for case in &self.failed {
                write_failure(case, self.seed, look, out)?;
            }
            writeln!(out, "failures:")?;
            let counted = |id: &TestId| self.failed.iter().any(|case| case.id == *id);
            for (id, times) in self.failures.iter().filter(|(id, _)| counted(id)) {
                match summary.rounds {
                    0 | 1 => writeln!(out, "    {id}")?,
                    rounds => writeln!(out, "    {id}, in {times} of {rounds} rounds")?,
                }
            }
        }
        writeln!(out)?;
        let warning = Inked(look.color, Ink::Yellow, "warning");
        self.leaks.sort();
        for (id, left) in self.leaks.iter().take(SHOWN_LEAKS) {
            writeln!(out, "{warning}: {id} left behind: {left}")?;
        }
        if let Some(more) = self.leaks.len().checked_sub(SHOWN_LEAKS).filter(|more| *more > 0) {
            writeln!(out, "{warning}: {} more left something behind; --format json names them", count(more, "test"))?;
        }
        for case in &self.flaky {
            writeln!(out, "flaky: {} {}", case.id, status(case).1)?;
        }
        if !self.flaky.is_empty() && summary.flaky_result == FlakyResult::Fail {
            writeln!(
                out,
                "{}: flaky tests fail this run, as --flaky-result says",
                Inked(look.color, Ink::Red, "error")
            )?;
        }
        self.write_remarks(summary, look, out)?;
        let verdict = if summary.is_success() { (Ink::Green, "ok") } else { (Ink::Red, "FAILED") };
        writeln!(
            out,
            "test result: {}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            Inked(look.color, verdict.0, verdict.1),
            summary.passed,
            summary.failed,
            summary.ignored,
            summary.filtered_out,
            summary.elapsed.as_secs_f64(),
        )
    }

    fn write_remarks(&self, summary: &Summary, look: &Look, out: &mut dyn Write) -> io::Result<()> {
        for problem in &summary.problems {
            writeln!(out, "{}: {problem}", Inked(look.color, Ink::Red, "error"))?;
        }
        for used in &summary.used {
            writeln!(out, "used: {used}")?;
        }
        for remark in summary.remarks.iter().filter(|remark| remark.has_happened()) {
            writeln!(out, "{remark}")?;
        }
        if summary.swept.sessions > 0 {
            writeln!(out, "{}", swept_in_words(&summary.swept))?;
        }
        for problem in &summary.swept.recovered.problems {
            let warning = Inked(look.color, Ink::Yellow, "warning");
            writeln!(out, "{warning}: what a dead run left cannot be given back: {problem}")?;
        }
        if summary.given_back > 0 {
            let count = count(summary.given_back, "resource");
            writeln!(out, "{count} of processes that died were given back by the session")?;
        }
        if summary.quarantined > 0 {
            let count = count(summary.quarantined, "failure");
            writeln!(out, "{count} in quarantine, counted as ignored; --quarantine ignore makes them count")?;
        }
        if summary.not_run > 0 {
            let why = summary
                .interrupted_by
                .as_ref()
                .map_or_else(|| "the run stopped early".to_owned(), |signal| format!("the run was ended by {signal}"));
            writeln!(out, "{} not run to the end: {why}", count(summary.not_run, "test"))?;
        } else if let Some(signal) = &summary.interrupted_by {
            writeln!(out, "the run was ended by {signal}")?;
        }
        if !summary.is_success() {
            writeln!(out, "repeat this run: {}", look.repeat.run(self.seed))?;
            if let Some(record) = &look.record {
                writeln!(out, "record: {}; replay it with {}", record.display(), look.repeat.replay(record))?;
            }
        }
        let slow: Vec<_> = summary.slowest.iter().filter(|timing| timing.elapsed >= WORTH_NAMING).collect();
        if !slow.is_empty() {
            let named: Vec<_> = slow.iter().map(|timing| format!("{} {}", timing.id, time(timing.elapsed))).collect();
            writeln!(out, "slowest: {}", named.join(", "))?;
        }
        Ok(())
    }
}
