//! The report for programs: one JSON object a line, one line an event.
//!
//! Every object has an `event`; the first one has a `format_version`. New fields and events may be added in one version;
//! readers skip what they do not know.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Reporter;
use crate::model::{CaseReport, Event, Running, TestId, Timing};

/// Raised when a field changes its meaning or goes away.
pub(super) const FORMAT_VERSION: u32 = 1;

/// JSON lines.
#[derive(Debug, Default)]
pub(crate) struct Json;

impl Reporter for Json {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        write_line(event, out)?;
        out.flush()
    }
}

/// Writes an event as a line.
pub(super) fn write_line(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &line(event))?;
    out.write_all(b"\n")
}

fn line(event: &Event) -> Value {
    match event {
        Event::RunStarted { selected, order, seed, jobs, facts, repeats: _ } => json!({
            "event": "run_started", "format_version": FORMAT_VERSION,
            "selected": selected, "order": order, "seed": seed, "jobs": jobs, "suite": facts.suite, "build": facts.build,
            "began_unix_ms": facts.began_unix_ms, "arguments": facts.arguments, "environment": facts.environment, "shard": facts.shard,
        }),
        Event::CaseIgnored { id, reason } => json!({"event": "case_ignored", "id": id.as_str(), "reason": reason}),
        Event::CaseStarted { id, worker, attempt } => {
            json!({"event": "case_started", "id": id.as_str(), "worker": worker, "attempt": attempt})
        }
        Event::CaseSlow(slow) => with_event("case_slow", running(slow)),
        Event::CaseRetried(report) => with_event("case_retried", case(report)),
        Event::CaseFinished(report) => with_event("case_finished", case(report)),
        Event::Progress { running: all, finished, failed } => json!({
            "event": "progress", "finished": finished, "failed": failed,
            "running": all.iter().map(running).collect::<Vec<_>>(),
        }),
        Event::Warning(message) => json!({"event": "warning", "message": message}),
        Event::Interrupting { signal, running } => json!({
            "event": "interrupting", "signal": signal,
            "running": running.iter().map(TestId::as_str).collect::<Vec<_>>(),
        }),
        Event::RunFinished(summary) => json!({
            "event": "run_finished", "success": summary.is_success(),
            "passed": summary.passed, "flaky": summary.flaky, "failed": summary.failed, "ignored": summary.ignored,
            "quarantined": summary.quarantined,
            "filtered_out": summary.filtered_out, "not_run": summary.not_run,
            "interrupted_by": summary.interrupted_by, "rounds": summary.rounds, "given_back": summary.given_back, "used": summary.used, "swept": summary.swept, "problems": summary.problems,
            "elapsed_us": micros(summary.elapsed),
            "slowest": summary.slowest.iter().map(timing).collect::<Vec<_>>(),
        }),
    }
}

fn with_event(name: &str, mut fields: Map<String, Value>) -> Value {
    fields.insert("event".to_owned(), name.into());
    Value::Object(fields)
}

fn case(case: &CaseReport) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    add("id", case.id.as_str().into());
    add("location", value(&case.location));
    add("worker", value(&case.worker));
    add("attempt", case.attempts.into());
    add("outcome", value(&case.report.outcome));
    add("started_us", micros(case.started).into());
    add("elapsed_us", micros(case.elapsed).into());
    add("phases", value(&case.report.phases));
    add("failures", value(&case.report.failures));
    if let Some(reason) = &case.report.skip_reason {
        add("skip_reason", reason.as_str().into());
    }
    if let Some(quarantine) = &case.quarantine {
        add("quarantine", value(quarantine));
    }
    if let Some(kept) = &case.report.kept {
        add("kept", value(kept));
    }
    if !case.report.leaks.is_empty() {
        add("leaks", value(&case.report.leaks));
    }
    for (name, bytes) in [("stdout", &case.output.stdout), ("stderr", &case.output.stderr)] {
        // Bytes that are no text are not bent into text: they come as numbers, under another name.
        match std::str::from_utf8(bytes) {
            Ok("") => {}
            Ok(text) => {
                add(name, text.into());
            }
            Err(_) => {
                add(&format!("{name}_bytes"), value(bytes));
            }
        }
    }
    fields
}

fn running(running: &Running) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), running.id.as_str().into());
    fields.insert("elapsed_us".to_owned(), micros(running.elapsed).into());
    fields.insert("phase".to_owned(), value(&running.phase));
    fields
}

fn timing(timing: &Timing) -> Value {
    json!({"id": timing.id.as_str(), "elapsed_us": micros(timing.elapsed)})
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn value(data: &(impl Serialize + ?Sized)) -> Value {
    // Plain data with text keys always serializes.
    serde_json::to_value(data).unwrap_or(Value::Null)
}
