//! The record of a run: every report can be made from it later, and it can be run again.
//!
//! It has the lines of `--format json`, and between them the short form of tests that did not fail.

use std::io::{self, Write};
use std::time::Duration;

use serde::Deserialize;

use super::Reporter;
use super::json::{FORMAT_VERSION, write_line};
use super::packed;
use crate::model::{
    AttemptReport, CaseIndex, CaseReport, Event, Facts, Failure, Order, Outcome, Output, PhaseTime, Quarantine,
    Repeats, Seed, SourceLocation, Summary, TestId, Timing, WorkerId,
};

/// Writes a record.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    entry: Vec<u8>,
}

impl Reporter for Recorder {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::CaseFinished(case) if packed::covers(case) => {
                self.entry.clear();
                packed::encode(case, &mut self.entry);
                out.write_all(&self.entry)
            }
            // What these say is said by the end of the case, too.
            Event::CaseStarted { .. } | Event::CaseSlow(_) | Event::Progress { .. } => Ok(()),
            event => write_line(event, out),
        }
    }
}

/// A record that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// What it knows of the run's surroundings.
    pub facts: Facts,
    /// The run's seed.
    pub seed: Seed,
    /// Everything that happened, as reporters want it; the end is missing if the record is cut off.
    pub events: Vec<Event>,
    /// Whether the end is there.
    pub extent: Extent,
}

/// How a record ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// With the end of the run.
    #[default]
    Whole,
    /// In the middle: the run was killed, or is still going on, or the file was cut.
    CutOff,
}

/// Why something is no record that can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// It begins with something else.
    #[error("it is no record of itest: it does not begin with the start of a run")]
    NoRecord,
    /// It is of a later version.
    #[error(
        "it has format version {0}, and this itest reads up to version {FORMAT_VERSION}; use the itest that wrote it"
    )]
    Later(u32),
    /// A line makes no sense, and there is more behind it.
    #[error("it is damaged at byte {at}")]
    Damaged {
        /// Where.
        at: usize,
    },
}

impl Record {
    /// Reads a record, as far as it goes.
    ///
    /// # Errors
    ///
    /// When it is none, or of a later version, or damaged in the middle.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut record = Self { extent: Extent::CutOff, ..Self::default() };
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let at = bytes.len() - rest.len();
            if record.events.is_empty() && !Self::may_begin_with(&[*first]) {
                return Err(RecordError::NoRecord);
            }
            if *first == packed::MARK {
                let Some((case, behind)) = packed::decode(rest) else { break };
                record.events.push(Event::CaseFinished(case));
                rest = behind;
                continue;
            }
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let (line, behind) = (&rest[..end], &rest[end + 1..]);
            rest = behind;
            record.add(line, at)?;
        }
        if record.events.is_empty() { Err(RecordError::NoRecord) } else { Ok(record) }
    }

    /// Whether what begins so can be a record.
    #[must_use]
    pub(crate) fn may_begin_with(bytes: &[u8]) -> bool {
        bytes.first() == Some(&b'{')
    }

    fn add(&mut self, line: &[u8], at: usize) -> Result<(), RecordError> {
        let line: Line = serde_json::from_slice(line)
            .map_err(|_| if self.events.is_empty() { RecordError::NoRecord } else { RecordError::Damaged { at } })?;
        if self.events.is_empty() {
            match &line {
                Line::RunStarted { format_version, .. } if *format_version > FORMAT_VERSION => {
                    return Err(RecordError::Later(*format_version));
                }
                Line::RunStarted { facts, seed, .. } => {
                    self.facts = facts.clone();
                    self.seed = *seed;
                }
                _ => return Err(RecordError::NoRecord),
            }
        }
        if matches!(line, Line::RunFinished { .. }) {
            self.extent = Extent::Whole;
        }
        self.events.extend(line.into_event());
        Ok(())
    }

    /// The attempts of the run, in the order in which they were started.
    #[must_use]
    pub(crate) fn attempts(&self) -> Vec<&CaseReport> {
        let mut attempts: Vec<_> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::CaseFinished(case) | Event::CaseRetried(case) => Some(case),
                _ => None,
            })
            .collect();
        attempts.sort_by_key(|case| case.started);
        attempts
    }
}

/// A line of a record. Unknown lines and fields are passed over.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    RunStarted {
        format_version: u32,
        selected: usize,
        order: Order,
        seed: Seed,
        jobs: usize,
        #[serde(flatten)]
        facts: Facts,
    },
    CaseIgnored {
        id: String,
        #[serde(default)]
        reason: String,
    },
    CaseRetried(CaseLine),
    CaseFinished(CaseLine),
    Warning {
        message: String,
    },
    RunFinished(EndLine),
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Deserialize)]
struct CaseLine {
    id: String,
    location: SourceLocation,
    worker: WorkerId,
    attempt: u32,
    outcome: Outcome,
    #[serde(default)]
    started_us: u64,
    elapsed_us: u64,
    #[serde(default)]
    phases: Vec<PhaseTime>,
    #[serde(default)]
    failures: Vec<Failure>,
    #[serde(default)]
    skip_reason: Option<String>,
    #[serde(default)]
    quarantine: Option<Quarantine>,
    #[serde(default)]
    leaks: Vec<String>,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    #[serde(default)]
    stdout_bytes: Vec<u8>,
    #[serde(default)]
    stderr_bytes: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct EndLine {
    passed: usize,
    flaky: usize,
    failed: usize,
    ignored: usize,
    #[serde(default)]
    quarantined: usize,
    #[serde(default)]
    filtered_out: usize,
    #[serde(default)]
    not_run: usize,
    #[serde(default)]
    interrupted_by: Option<String>,
    #[serde(default)]
    rounds: u32,
    #[serde(default)]
    given_back: usize,
    #[serde(default)]
    used: Vec<String>,
    #[serde(default)]
    problems: Vec<String>,
    elapsed_us: u64,
    #[serde(default)]
    slowest: Vec<TimingLine>,
}

#[derive(Debug, Deserialize)]
struct TimingLine {
    id: String,
    elapsed_us: u64,
}

impl Line {
    fn into_event(self) -> Option<Event> {
        Some(match self {
            Self::RunStarted { selected, order, seed, jobs, facts, .. } => {
                Event::RunStarted { selected, repeats: Repeats::default(), order, seed, jobs, facts }
            }
            Self::CaseIgnored { id, reason } => Event::CaseIgnored { id: TestId::new(id), reason: reason.into() },
            Self::CaseRetried(case) => Event::CaseRetried(case.into_report()),
            Self::CaseFinished(case) => Event::CaseFinished(case.into_report()),
            Self::Warning { message } => Event::Warning(message),
            Self::RunFinished(end) => Event::RunFinished(end.into_summary()),
            Self::Unknown => return None,
        })
    }
}

impl CaseLine {
    fn into_report(self) -> CaseReport {
        let either = |text: String, bytes: Vec<u8>| if bytes.is_empty() { text.into_bytes() } else { bytes };
        CaseReport {
            id: TestId::new(self.id),
            location: self.location,
            worker: self.worker,
            attempts: self.attempt,
            report: AttemptReport {
                outcome: self.outcome,
                phases: self.phases,
                failures: self.failures,
                skip_reason: self.skip_reason,
                leaks: self.leaks,
                ..AttemptReport::interrupted(CaseIndex(0))
            },
            output: Output {
                stdout: either(self.stdout, self.stdout_bytes),
                stderr: either(self.stderr, self.stderr_bytes),
            },
            started: Duration::from_micros(self.started_us),
            elapsed: Duration::from_micros(self.elapsed_us),
            quarantine: self.quarantine,
        }
    }
}

impl EndLine {
    fn into_summary(self) -> Summary {
        let timing =
            |line: TimingLine| Timing { id: TestId::new(line.id), elapsed: Duration::from_micros(line.elapsed_us) };
        Summary {
            passed: self.passed,
            flaky: self.flaky,
            failed: self.failed,
            ignored: self.ignored,
            quarantined: self.quarantined,
            filtered_out: self.filtered_out,
            not_run: self.not_run,
            interrupted_by: self.interrupted_by.map(Into::into),
            rounds: self.rounds,
            given_back: self.given_back,
            used: self.used,
            problems: self.problems,
            elapsed: Duration::from_micros(self.elapsed_us),
            slowest: self.slowest.into_iter().map(timing).collect(),
            ..Summary::default()
        }
    }
}
