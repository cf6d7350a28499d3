//! The trace of a run for Perfetto and other viewers of Chrome's trace format: a track for each worker, with its attempts and their phases,
//! and the exchanges of each attempt beside them.
//!
//! The format is described in "Trace Event Format" of the Chromium project. Times are in microseconds since the start of the run.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::Reporter;
use super::failure::headline;
use crate::model::{CaseReport, Event, Exchange};

/// All tracks belong to one process, because workers that follow each other would otherwise be far apart.
const PROCESS: u32 = 1;

/// The reporter that writes a trace.
#[derive(Debug)]
pub(crate) struct Trace {
    suite: String,
    workers: BTreeSet<u32>,
    /// The number of exchanges so far, by which the two ends of an exchange belong together.
    exchanges: u64,
    is_begun: bool,
}

/// One event of the trace.
#[derive(Serialize)]
struct TraceEvent<'e> {
    name: &'e str,
    cat: &'static str,
    ph: Kind,
    ts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<u64>,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

/// The kind of an event.
#[derive(Clone, Copy, Serialize)]
enum Kind {
    /// A slice of a track.
    #[serde(rename = "X")]
    Slice,
    /// The begin of something that may overlap with others.
    #[serde(rename = "b")]
    Begin,
    /// The end of it.
    #[serde(rename = "e")]
    End,
    /// The name of a track.
    #[serde(rename = "M")]
    Name,
}

impl Trace {
    /// Creates the trace of a suite.
    #[must_use]
    pub(crate) fn new(suite: &str) -> Self {
        Self { suite: suite.to_owned(), workers: BTreeSet::new(), exchanges: 0, is_begun: false }
    }

    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.is_begun = true;
        out.write_all(b"{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n")?;
        let name = TraceEvent {
            args: json!({"name": self.suite}),
            ..event("process_name", "", Kind::Name, Duration::ZERO, 0)
        };
        serde_json::to_writer(&mut *out, &name).map_err(Into::into)
    }

    fn add_attempt(&mut self, case: &CaseReport, out: &mut dyn Write) -> io::Result<()> {
        let worker = case.worker.0;
        if self.workers.insert(worker) {
            let args = json!({"name": format!("worker {worker}")});
            add(&TraceEvent { args, ..event("thread_name", "", Kind::Name, Duration::ZERO, worker) }, out)?;
        }
        let args = json!({
            "outcome": headline(&case.report), "attempt": case.attempts, "location": case.location.as_str(),
            "message": case.report.failures.first().map(|failure| failure.problem.message.as_str()),
        });
        let end = case.started.saturating_add(case.elapsed.max(case.report.elapsed()));
        add(&TraceEvent { args, ..slice(case.id.as_str(), "test", case.started..end, worker) }, out)?;
        let mut from = case.started;
        for phase in &case.report.phases {
            let to = from.saturating_add(phase.elapsed);
            let args = json!({"description": phase.description});
            add(&TraceEvent { args, ..slice(phase.phase.name(), "phase", from..to, worker) }, out)?;
            from = to;
        }
        case.report.exchanges.iter().try_for_each(|exchange| self.add_exchange(case, exchange, out))
    }

    /// Adds an exchange. Exchanges may overlap, so that they are no slices of the worker's track.
    fn add_exchange(&mut self, case: &CaseReport, exchange: &Exchange, out: &mut dyn Write) -> io::Result<()> {
        self.exchanges += 1;
        let name = format!("{} {}", exchange.to, exchange.operation);
        let from = case.started.saturating_add(exchange.at);
        let args = json!({
            "test": case.id.as_str(), "from": exchange.from, "status": exchange.status, "fault": exchange.fault,
            "remark": exchange.remark,
        });
        let id = Some(self.exchanges);
        let begin = event(&name, "exchange", Kind::Begin, from, case.worker.0);
        add(&TraceEvent { id, args, ..begin }, out)?;
        let end = event(&name, "exchange", Kind::End, from.saturating_add(exchange.elapsed), case.worker.0);
        add(&TraceEvent { id, ..end }, out)
    }
}

impl Reporter for Trace {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        if !self.is_begun {
            self.begin(out)?;
        }
        match event {
            Event::CaseFinished(case) | Event::CaseRetried(case) => self.add_attempt(case, out),
            Event::RunFinished(_) => out.write_all(b"\n]}\n"),
            _ => Ok(()),
        }
    }
}

fn event<'e>(name: &'e str, cat: &'static str, ph: Kind, at: Duration, worker: u32) -> TraceEvent<'e> {
    // Some viewers take thread 0 for no thread.
    let tid = worker.saturating_add(1);
    TraceEvent { name, cat, ph, ts: micros(at), dur: None, pid: PROCESS, tid, id: None, args: Value::Null }
}

/// A slice. Both ends are rounded in the same way, so that a phase never ends after its test.
fn slice<'e>(name: &'e str, cat: &'static str, times: std::ops::Range<Duration>, worker: u32) -> TraceEvent<'e> {
    let dur = Some(micros(times.end).saturating_sub(micros(times.start)));
    TraceEvent { dur, ..event(name, cat, Kind::Slice, times.start, worker) }
}

/// Adds an event behind another one.
fn add(event: &TraceEvent<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b",\n")?;
    serde_json::to_writer(out, event).map_err(Into::into)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
