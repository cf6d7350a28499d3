//! The final section of a report: failures in full, slow tests, and libtest's last line.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::ReportOptions;
use super::failure::{status, write_failure, write_output};
use super::text::{Style, Styled, count, swept_in_words, time};
use crate::model::{CaseReport, FlakyResult, Seed, ShowOutput, Summary, TestId, sort, sort_by};

/// The most captured output that is kept until the end of the run, for all failures together.
const MAX_KEPT_OUTPUT_BYTES: usize = 64 << 20;

/// Tests shorter than this are not shown as slow.
const MIN_SLOW_TIME: Duration = Duration::from_millis(10);

/// The number of failures of one test that are shown in full; a test may fail in many rounds.
const MAX_SHOWN_FAILURES: usize = 3;

/// The number of passed tests with leaks, and with warnings, that are shown; further ones are only counted.
const MAX_SHOWN_TESTS: usize = 10;

/// Collects the content of the final section.
#[derive(Debug)]
pub(super) struct SummarySection {
    seed: Seed,
    failed: Vec<CaseReport>,
    shown: Vec<CaseReport>,
    flaky: Vec<CaseReport>,
    quarantined: Vec<CaseReport>,
    leaks: Vec<(TestId, String)>,
    warnings: Vec<(TestId, String)>,
    /// The number of failures of each failed test.
    failures: BTreeMap<TestId, usize>,
    kept_output_bytes: usize,
}

impl SummarySection {
    pub(super) fn new() -> Self {
        Self {
            seed: Seed(0),
            failed: Vec::new(),
            shown: Vec::new(),
            flaky: Vec::new(),
            quarantined: Vec::new(),
            leaks: Vec::new(),
            warnings: Vec::new(),
            failures: BTreeMap::new(),
            kept_output_bytes: 0,
        }
    }

    /// Stores the seed, which is part of the commands that repeat the run.
    pub(super) fn begin(&mut self, seed: Seed) {
        self.seed = seed;
    }

    /// Stores a case if the final section shows it.
    pub(super) fn remember(&mut self, case: &CaseReport, output: ShowOutput) {
        let is_success = case.report.outcome.is_success();
        if is_success && !case.report.leaks.is_empty() {
            self.leaks.push((case.id.clone(), case.report.leaks.join(", ")));
        }
        let warnings = case.report.notes.iter().filter(|note| is_success && note.is_warning);
        self.warnings.extend(warnings.map(|note| (case.id.clone(), note.text.clone())));
        let has_output = !case.output.stdout.is_empty() || !case.output.stderr.is_empty();
        if is_success && !(output == ShowOutput::All && has_output) && case.attempts == 1 {
            return;
        }
        let mut case = case.clone();
        self.kept_output_bytes += case.output.stdout.len() + case.output.stderr.len();
        if self.kept_output_bytes > MAX_KEPT_OUTPUT_BYTES {
            case.output.stdout = b"[itest: left out, too much output in this run; run this test alone]".to_vec();
            case.output.stderr.clear();
        }
        if !is_success {
            let failures = self.failures.entry(case.id.clone()).or_default();
            *failures += 1;
            if *failures > MAX_SHOWN_FAILURES {
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

    /// Writes the final section.
    pub(super) fn write(&mut self, summary: &Summary, options: &ReportOptions, out: &mut dyn Write) -> io::Result<()> {
        // The lists are sorted, so that two runs can be compared although they had different orders.
        for list in [&mut self.failed, &mut self.shown, &mut self.flaky, &mut self.quarantined] {
            sort_by(list, |left, right| left.id.cmp(&right.id));
        }
        self.write_cases(summary, options, out)?;
        writeln!(out)?;
        let warning = Styled(options.color, Style::Yellow, "warning");
        sort(&mut self.leaks);
        for (id, left) in self.leaks.iter().take(MAX_SHOWN_TESTS) {
            writeln!(out, "{warning}: {id} left behind: {left}")?;
        }
        if let Some(more) = self.leaks.len().checked_sub(MAX_SHOWN_TESTS).filter(|more| *more > 0) {
            writeln!(out, "{warning}: {} more left something behind; --format json names them", count(more, "test"))?;
        }
        sort(&mut self.warnings);
        for (id, text) in self.warnings.iter().take(MAX_SHOWN_TESTS) {
            writeln!(out, "{warning}: {id}: {text}")?;
        }
        if let Some(more) = self.warnings.len().checked_sub(MAX_SHOWN_TESTS).filter(|more| *more > 0) {
            writeln!(out, "{warning}: {}; --format json shows them", count(more, "more warning"))?;
        }
        for case in &self.flaky {
            writeln!(out, "flaky: {} {}", case.id, status(case).1)?;
        }
        if !self.flaky.is_empty() && summary.flaky_result == FlakyResult::Fail {
            writeln!(
                out,
                "{}: flaky tests fail this run, as --flaky-result says",
                Styled(options.color, Style::Red, "error")
            )?;
        }
        self.write_remarks(summary, options, out)?;
        let verdict = if summary.is_success() { (Style::Green, "ok") } else { (Style::Red, "FAILED") };
        writeln!(
            out,
            "test result: {}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            Styled(options.color, verdict.0, verdict.1),
            summary.passed,
            summary.failed,
            summary.ignored,
            summary.filtered_out,
            summary.elapsed.as_secs_f64(),
        )
    }

    /// Writes the details of cases: passed ones whose output is shown, failures in quarantine, and failures.
    fn write_cases(&self, summary: &Summary, options: &ReportOptions, out: &mut dyn Write) -> io::Result<()> {
        if !self.shown.is_empty() {
            writeln!(out, "\nsuccesses:\n")?;
            for case in &self.shown {
                writeln!(out, "---- {} ----", case.id)?;
                write_output(case, options, out)?;
            }
        }
        if !self.quarantined.is_empty() {
            writeln!(out, "\nfailures in quarantine:\n")?;
            for case in &self.quarantined {
                write_failure(case, self.seed, options, out)?;
            }
        }
        if !self.failed.is_empty() {
            writeln!(out, "\nfailures:\n")?;
            for case in &self.failed {
                write_failure(case, self.seed, options, out)?;
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
        Ok(())
    }

    fn write_remarks(&self, summary: &Summary, options: &ReportOptions, out: &mut dyn Write) -> io::Result<()> {
        for problem in &summary.problems {
            writeln!(out, "{}: {problem}", Styled(options.color, Style::Red, "error"))?;
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
            let warning = Styled(options.color, Style::Yellow, "warning");
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
            writeln!(out, "repeat this run: {}", options.repeat.run(self.seed))?;
            if let Some(record) = &options.record {
                writeln!(out, "record: {}; replay it with {}", record.display(), options.repeat.replay(record))?;
            }
        }
        let slow: Vec<_> = summary.slowest.iter().filter(|timing| timing.elapsed >= MIN_SLOW_TIME).collect();
        if !slow.is_empty() {
            let named: Vec<_> = slow.iter().map(|timing| format!("{} {}", timing.id, time(timing.elapsed))).collect();
            writeln!(out, "slowest: {}", named.join(", "))?;
        }
        Ok(())
    }
}
