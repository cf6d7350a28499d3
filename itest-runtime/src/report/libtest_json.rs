//! The JSON lines of libtest's `--format json`, which editors request with `-Z unstable-options`.
//!
//! The names and values of the fields are those of Rust 1.95; a test compares them with the output of libtest.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::failure::headline;
use super::{ReportOptions, Reporter, TimeColumn};
use crate::model::{CaseReport, Event, Order, Outcome, Seed, ShowOutput, TestId, notes_as_text};

/// The reporter that writes libtest's JSON, one line for each event.
#[derive(Debug)]
pub(crate) struct LibtestJson {
    options: ReportOptions,
    seed: Seed,
    /// Tests whose start was reported and whose end was not.
    started: HashSet<TestId>,
}

impl LibtestJson {
    /// Creates a report. The options decide whether it has durations and the output of passed tests.
    #[must_use]
    pub(crate) fn new(options: ReportOptions) -> Self {
        Self { options, seed: Seed::default(), started: HashSet::new() }
    }

    /// Reports the start of a test, once for all its attempts.
    fn begin(&mut self, id: &TestId, out: &mut dyn Write) -> io::Result<()> {
        if !self.started.insert(id.clone()) {
            return Ok(());
        }
        write_line(&json!({"type": "test", "event": "started", "name": id.as_str()}), out)
    }

    fn end(&mut self, case: &CaseReport, out: &mut dyn Write) -> io::Result<()> {
        // A record does not contain the start of a test, so the start is reported here.
        self.begin(&case.id, out)?;
        self.started.remove(&case.id);
        let report = &case.report;
        let event = match report.outcome {
            Outcome::Passed | Outcome::Flaky => "ok",
            Outcome::Skipped | Outcome::Interrupted => "ignored",
            Outcome::Failed | Outcome::Errored | Outcome::TimedOut | Outcome::Crashed => "failed",
        };
        let mut fields = Map::new();
        let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        add("type", "test".into());
        add("name", case.id.as_str().into());
        add("event", event.into());
        if self.options.time == TimeColumn::Shown && event != "ignored" {
            add("exec_time", case.elapsed.as_secs_f64().into());
        }
        let stdout = match event {
            "failed" => self.failure(case),
            _ if self.options.output == ShowOutput::All => output_of(case),
            _ => String::new(),
        };
        if !stdout.is_empty() {
            add("stdout", stdout.into());
        }
        let message = match report.outcome {
            Outcome::Flaky => Some(format!("flaky: passed in attempt {}", case.attempts)),
            Outcome::Skipped => report.skip_reason.clone(),
            Outcome::Interrupted => Some("the run was ended by a signal".to_owned()),
            _ => None,
        };
        if let Some(message) = message {
            add("message", message.into());
        }
        if report.outcome == Outcome::TimedOut {
            add("reason", "time limit exceeded".into());
        }
        write_line(&Value::Object(fields), out)
    }

    /// The output of the test, followed by what libtest would show for a panic: the failures and their locations.
    fn failure(&self, case: &CaseReport) -> String {
        let mut text = output_of(case);
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        let mut push_line = |line: &str| text.extend([line, "\n"]);
        push_line(&format!("{} at {}", headline(&case.report), place(case, 0)));
        for (position, failure) in case.report.failures.iter().enumerate() {
            if position > 0 {
                push_line(&format!("and in {} at {}", failure.phase, place(case, position)));
            }
            push_line(&failure.problem.message);
            if let Some(backtrace) = &failure.problem.backtrace {
                push_line(backtrace);
            }
        }
        push_line(&format!("repeat: {}", self.options.repeat.test(&case.id, self.seed)));
        text
    }
}

impl Reporter for LibtestJson {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunStarted { selected, order, seed, .. } => {
                self.seed = *seed;
                let mut line = json!({"type": "suite", "event": "started", "test_count": selected});
                if *order == Order::Random {
                    line["shuffle_seed"] = seed.0.into();
                }
                write_line(&line, out)?;
            }
            Event::CaseIgnored { id, reason } => {
                self.begin(id, out)?;
                self.started.remove(id);
                let mut line = json!({"type": "test", "name": id.as_str(), "event": "ignored"});
                if !reason.is_empty() {
                    line["message"] = reason.as_ref().into();
                }
                write_line(&line, out)?;
            }
            Event::CaseStarted { id, .. } => self.begin(id, out)?,
            Event::CaseSlow(slow) => {
                write_line(&json!({"type": "test", "event": "timeout", "name": slow.id.as_str()}), out)?;
            }
            Event::CaseFinished(case) => self.end(case, out)?,
            Event::RunFinished(summary) => {
                let event = if summary.is_success() { "ok" } else { "failed" };
                let line = json!({
                    "type": "suite", "event": event, "passed": summary.passed, "failed": summary.failed,
                    "ignored": summary.ignored, "measured": 0, "filtered_out": summary.filtered_out,
                    "exec_time": summary.elapsed.as_secs_f64(),
                });
                write_line(&line, out)?;
            }
            Event::CaseRetried(_) | Event::Progress { .. } | Event::Warning(_) | Event::Interrupting { .. } => {}
        }
        out.flush()
    }
}

fn write_line(line: &Value, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

fn output_of(case: &CaseReport) -> String {
    let streams = [&case.output.stdout, &case.output.stderr];
    streams.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat() + &notes_as_text(&case.report.notes)
}

fn place(case: &CaseReport, failure: usize) -> &str {
    let failure = case.report.failures.get(failure);
    failure.and_then(|failure| failure.problem.location.as_ref()).unwrap_or(&case.location).as_str()
}
