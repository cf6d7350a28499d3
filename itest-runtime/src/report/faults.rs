//! The report of an exploration of faults: the weaknesses with their causes, and a command that repeats each.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::ReportOptions;
use super::text::{Style, Styled, count, time};
use crate::model::{
    Call, CallFault, CaseReport, CellVerdict, ConnectionFault, Fault, FaultExecution, Finding, Format, PlannedFault,
    Seed, TestId, Weakness, redacted,
};

/// The most tests and calls that are named for one cause.
const MAX_SHOWN: usize = 3;

/// The summary at the end of an exploration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultSummary {
    /// The number of selected tests.
    pub tests: usize,
    /// The number of tests that failed without a fault.
    pub failed: usize,
    /// The number of tests that were skipped.
    pub skipped: usize,
    /// The number of tests that made no call that a stand-in or a proxy has seen.
    pub silent: usize,
    /// The number of cells, also of those that were not run.
    pub cells: usize,
    /// The number of executions, with and without a fault.
    pub executions: usize,
    /// The reason why the exploration ended early, if it did.
    pub stopped: Option<String>,
    pub elapsed: Duration,
}

/// The reporter of an exploration.
#[derive(Debug)]
pub(crate) struct FaultReport {
    format: Format,
    options: ReportOptions,
    seed: Seed,
    /// The number of cells by the name of their verdict.
    verdicts: BTreeMap<&'static str, usize>,
    /// The first execution that failed without its fault: the test and the message.
    failed_before: Option<(TestId, String)>,
}

impl FaultReport {
    #[must_use]
    pub(crate) fn new(format: Format, options: ReportOptions, seed: Seed) -> Self {
        Self { format, options, seed, verdicts: BTreeMap::new(), failed_before: None }
    }

    /// Writes the first line.
    pub(crate) fn begin(&self, tests: usize, budget: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Json {
            let begin = json!({"event": "faults_started", "format_version": 1, "tests": tests, "seed": self.seed});
            return line(&begin, out);
        }
        let tests = count(tests, "test");
        writeln!(out, "\nlooking for weaknesses under faults in {tests}, seed {}, {budget}", self.seed)?;
        out.flush()
    }

    /// Writes that the executions with faults begin.
    pub(crate) fn stage(&self, calls: usize, executions: usize, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Json {
            return line(&json!({"event": "faults_stage", "calls": calls, "cells": executions}), out);
        }
        let text = format!("{}; {} with a fault follow", count(calls, "call"), count(executions, "execution"));
        writeln!(out, "{}", Styled(self.options.color, Style::Dim, text))?;
        out.flush()
    }

    /// Writes how many executions with a fault have ended.
    pub(crate) fn progress(&self, executions: usize, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Json {
            return Ok(());
        }
        let ended: usize = self.verdicts.values().sum();
        let weak =
            [Weakness::Hangs, Weakness::Panics, Weakness::BreaksInvariant, Weakness::FalseSuccess, Weakness::Leaks];
        let weak: usize = weak.iter().filter_map(|weakness| self.verdicts.get(weakness.name())).sum();
        let text = format!("{ended} of {executions}, {weak} of them with a weakness");
        writeln!(out, "{}", Styled(self.options.color, Style::Dim, text))?;
        out.flush()
    }

    /// Writes that a test fails without a fault, so that nothing can be said about it.
    pub(crate) fn failed_without_fault(&self, case: &CaseReport, out: &mut dyn Write) -> io::Result<()> {
        let message = case.report.failures.first().map(|failure| failure.problem.message.as_str()).unwrap_or_default();
        let message = redacted(message.lines().next().unwrap_or_default()).into_owned();
        if self.format == Format::Json {
            let failed = json!({"event": "fault_baseline_failed", "id": case.id.as_str(), "message": message});
            return line(&failed, out);
        }
        let color = self.options.color;
        writeln!(
            out,
            "\n{} {}",
            Styled(color, Style::Red, "fails without a fault"),
            Styled(color, Style::Bold, &case.id)
        )?;
        writeln!(out, "  failure: {message}")?;
        let command = self.options.repeat.test(&case.id, self.seed);
        writeln!(out, "  shown by: {}", Styled(color, Style::Bold, command))
    }

    /// Counts a verdict. In JSON, each has a line.
    pub(crate) fn cell(
        &mut self,
        test: &TestId,
        execution: &FaultExecution,
        verdict: &CellVerdict,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        *self.verdicts.entry(verdict.name()).or_default() += 1;
        if let CellVerdict::FailedBefore(message) = verdict {
            self.failed_before.get_or_insert_with(|| (test.clone(), message.clone()));
        }
        if self.format != Format::Json {
            return Ok(());
        }
        let PlannedFault { call, fault } = &execution.fault;
        let judged = json!({
            "event": "fault_cell", "id": test.as_str(), "call": call.to_string(), "fault": fault.to_string(), "verdict": verdict.name(),
        });
        line(&judged, out)
    }

    /// Writes the findings. For people, those with the same weakness and target are shown together.
    pub(crate) fn findings(&self, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Json {
            return findings.iter().try_for_each(|finding| line(&self.as_json(finding), out));
        }
        for group in by_cause(findings) {
            self.group(&group, out)?;
        }
        out.flush()
    }

    fn group(&self, group: &[&Finding], out: &mut dyn Write) -> io::Result<()> {
        let Some(first) = group.first() else { return Ok(()) };
        let color = self.options.color;
        let target = Styled(color, Style::Bold, &first.call.target);
        let targets = || group.iter().map(|finding| finding.call.target.as_str());
        writeln!(out, "\n{}: {target}", Styled(color, Style::Red, first.weakness.in_words()))?;
        writeln!(out, "  {}", redacted(&first.evidence.text))?;
        if let Some(exchange) = &first.evidence.exchange {
            writeln!(out, "  exchange: {}", redacted(exchange))?;
        }
        let mut faults: Vec<String> = Vec::new();
        for execution in group.iter().flat_map(|finding| &finding.executions) {
            let fault = execution.fault.fault.to_string();
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        writeln!(out, "  with the faults: {}", faults.join(", "))?;
        writeln!(out, "  in: {}", first_of(group.iter().map(|finding| finding.test.as_str())))?;
        if targets().any(|target| target != first.call.target) {
            let others = targets().filter(|target| *target != first.call.target);
            writeln!(out, "  other calls: {}", first_of(others.map(|target| service_and_operation(target).1)))?;
        }
        writeln!(out, "  to do: {}", advice(first.weakness))?;
        if let Some(command) = self.command(first) {
            writeln!(out, "  shown by: {}", Styled(color, Style::Bold, command))?;
        }
        Ok(())
    }

    /// The command that repeats the first execution of a finding.
    fn command(&self, finding: &Finding) -> Option<String> {
        let execution = finding.executions.first()?;
        Some(self.options.repeat.fault(&finding.test, self.seed, execution))
    }

    fn as_json(&self, finding: &Finding) -> serde_json::Value {
        let faults: Vec<String> =
            finding.executions.iter().map(|execution| execution.fault.fault.to_string()).collect();
        json!({
            "event": "fault_finding", "id": finding.test.as_str(), "verdict": finding.weakness.name(),
            "call": finding.call.to_string(), "faults": faults, "evidence": redacted(&finding.evidence.text),
            "exchange": finding.evidence.exchange.as_deref().map(redacted),
            "advice": advice(finding.weakness), "repeat": self.command(finding),
        })
    }

    /// Writes the summary.
    pub(crate) fn end(&self, summary: &FaultSummary, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
        let FaultSummary { tests, failed, skipped, silent, cells, executions, stopped, elapsed } = summary;
        if self.format == Format::Json {
            let end = json!({
                "event": "faults_finished", "complete": stopped.is_none(), "stopped_by": stopped, "tests": tests,
                "failed": failed, "skipped": skipped, "silent": silent, "cells": cells, "executions": executions,
                "verdicts": self.verdicts, "findings": findings.len(),
                "elapsed_us": u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            });
            return line(&end, out);
        }
        writeln!(out)?;
        let color = self.options.color;
        if let Some(reason) = stopped {
            writeln!(out, "{}: this is what is known so far", Styled(color, Style::Yellow, reason))?;
        }
        let verdict = match stopped {
            _ if !findings.is_empty() || *failed > 0 || self.failed_before.is_some() => {
                Styled(color, Style::Red, "FAILED")
            }
            Some(_) => Styled(color, Style::Yellow, "incomplete"),
            None => Styled(color, Style::Green, "ok"),
        };
        let causes = by_cause(findings).len();
        let causes = if causes == 1 { "1 weakness".to_owned() } else { format!("{causes} weaknesses") };
        writeln!(out, "faults result: {verdict}. {causes} in {}", count(*tests, "test"))?;
        let verdicts: Vec<String> =
            self.verdicts.iter().map(|(name, number)| format!("{number} {}", shown_verdict(name))).collect();
        let ended = self.verdicts.values().sum::<usize>();
        let of = if ended == *cells { String::new() } else { format!("{ended} of ") };
        if *cells > 0 {
            writeln!(out, "{of}{} with a fault: {}", count(*cells, "execution"), verdicts.join(", "))?;
        }
        if let Some((test, message)) = &self.failed_before {
            let text =
                "executions failed before their fault, so they say nothing about the code under test; the first one:";
            writeln!(out, "{}: {text} {test}: {}", Styled(color, Style::Red, "error"), redacted(message))?;
        }
        for (number, what) in [
            (failed, "failed without a fault"),
            (skipped, "skipped, without a result"),
            (silent, "without a call that a stand-in or a proxy has seen"),
        ] {
            if *number > 0 {
                writeln!(out, "{} {what}", count(*number, "test"))?;
            }
        }
        writeln!(out, "{}, finished in {}\n", count(*executions, "execution"), time(*elapsed))?;
        out.flush()
    }
}

/// The findings that one change would repair: a time limit for all calls of a service, or the code around one call.
fn by_cause(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: BTreeMap<(Weakness, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let Call { target, .. } = &finding.call;
        let is_silent = |execution: &FaultExecution| {
            let fault = execution.fault.fault;
            fault == CallFault::Exchange(Fault::Timeout) || fault == CallFault::Connection(ConnectionFault::HalfOpen)
        };
        let has_no_limit = finding.weakness == Weakness::Hangs && finding.executions.iter().all(is_silent);
        let place = if has_no_limit { service_and_operation(target).0 } else { target };
        groups.entry((finding.weakness, place)).or_default().push(finding);
    }
    groups.into_values().collect()
}

fn service_and_operation(target: &str) -> (&str, &str) {
    target.split_once(' ').unwrap_or((target, ""))
}

/// The first of these texts, each once, and the number of the others.
fn first_of<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut different: Vec<&str> = Vec::new();
    for text in texts {
        if !different.contains(&text) {
            different.push(text);
        }
    }
    let shown: Vec<&str> = different.iter().take(MAX_SHOWN).copied().collect();
    match different.len().saturating_sub(MAX_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn line(value: &serde_json::Value, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The name of a verdict after a number of executions.
fn shown_verdict(name: &str) -> &str {
    match name {
        "breaks_invariant" => "broke an invariant",
        "false_success" => "hid a failure",
        "hangs" => "hung",
        "leaks" => "leaked",
        "panics" => "panicked",
        "failed_before" => "failed before the fault",
        "not_reached" => "not reached",
        "not_run" => "not run",
        other => other,
    }
}

fn advice(weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::Hangs => "give the call a time limit, a short one in tests, and limit how often it is tried again",
        Weakness::Panics => "return an error instead, or handle the answer that the code does not expect",
        Weakness::BreaksInvariant => {
            "make the change in one transaction, undo it if a later step fails, or give the request a key so that it counts once"
        }
        Weakness::FalseSuccess => "return the error of the call, or report that the effect did not happen",
        Weakness::Leaks => "release it on every path, also when the call fails",
    }
}
