//! The record of a run. All reports can be created from it later, and the run can be repeated.
//!
//! A record consists of the lines of `--format json`, and of binary entries for tests that passed.

use std::io::{self, Write};

use serde::Deserialize;

use super::Reporter;
use super::json::{FORMAT_VERSION, Line, write_line};
use super::packed;
use crate::model::{CaseReport, Event, Facts, LAST_UNIX_MS, Seed, Shard, TestId, sort_by_key};

/// The reporter that writes a record.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    entry: Vec<u8>,
}

impl Reporter for Recorder {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::CaseFinished(case) if packed::encode(case, &mut self.entry) => out.write_all(&self.entry),
            // The event at the end of a case contains the information of these events.
            Event::CaseStarted { .. } | Event::CaseSlow(_) | Event::Progress { .. } => Ok(()),
            event => write_line(event, out),
        }
    }
}

/// A record that was read from a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// The facts about the run and its environment.
    pub facts: Facts,
    /// The run's seed.
    pub seed: Seed,
    /// The events of the run. The last run has no end if the record is cut off.
    pub events: Vec<Event>,
    /// Whether the record ends with the end of a run.
    pub extent: Extent,
}

/// Whether a record is complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The record ends with the end of a run.
    #[default]
    Whole,
    /// The record ends in the middle: the run was killed, it is still going on, or the file was truncated.
    CutOff,
}

/// Why a file cannot be read as a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The file does not begin with the start of a run.
    #[error("it is no record of itest: it does not begin with the start of a run")]
    NoRecord,
    /// The record has a later format version.
    #[error(
        "it has format version {0}, and this itest reads up to version {FORMAT_VERSION}; use the itest that wrote it"
    )]
    Later(u32),
    /// The run began at a time that reports cannot show.
    #[error("it says that it began after the year 9999; the clock was wrong, or the file is damaged")]
    Date,
    /// The shard of the record does not exist.
    #[error("{0}")]
    Shard(String),
    /// A complete line is invalid.
    #[error("it is damaged at byte {at}")]
    Damaged {
        /// The position in bytes.
        at: usize,
    },
}

impl Record {
    /// Reads a record. If its last entry is cut off, the entries before it are returned.
    ///
    /// # Errors
    ///
    /// When the file is not a record, has a later version, or contains an invalid line.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut record = Self { extent: Extent::CutOff, ..Self::default() };
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            let at = bytes.len() - rest.len();
            if record.events.is_empty() && !Self::may_begin_with(&[*first]) {
                return Err(RecordError::NoRecord);
            }
            if *first == packed::ENTRY_MARK {
                let Some((case, after)) = packed::decode(rest) else { break };
                record.events.push(sanitized(Event::CaseFinished(case)));
                rest = after;
                continue;
            }
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            record.add(line, at)?;
        }
        if record.events.is_empty() { Err(RecordError::NoRecord) } else { Ok(record) }
    }

    /// Whether a file that begins with these bytes may be a record.
    #[must_use]
    pub(crate) fn may_begin_with(bytes: &[u8]) -> bool {
        bytes.first() == Some(&b'{')
    }

    fn add(&mut self, line: &[u8], at: usize) -> Result<(), RecordError> {
        if self.events.is_empty() {
            check_head(line)?;
        }
        let line: ReadLine = serde_json::from_slice(line).map_err(|_| RecordError::Damaged { at })?;
        let mut line = match line {
            ReadLine::Known(line) => *line,
            ReadLine::Other { event } if Event::NAMES.contains(&event.as_str()) => {
                return Err(RecordError::Damaged { at });
            }
            ReadLine::Other { .. } => return Ok(()),
        };
        if let Event::RunFinished(summary) = &mut line.event {
            if line.success == Some(false) {
                summary.fail_as_recorded();
            }
            self.extent = Extent::Whole;
        }
        let event = sanitized(line.event);
        if let Event::RunStarted { seed, facts, .. } = &event {
            if self.events.is_empty() {
                (self.facts, self.seed) = (facts.clone(), *seed);
            }
            // A record may contain several runs in sequence, and each run has its own end.
            self.extent = Extent::CutOff;
        }
        self.events.push(event);
        Ok(())
    }

    /// The attempts of all runs in the record, in the order in which they started.
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
        sort_by_key(&mut attempts, |case| case.started);
        attempts
    }
}

/// A line of a record: an event, or an event that only a later version knows.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReadLine {
    Known(Box<Line<Event>>),
    Other { event: String },
}

/// The fields of the first line that decide whether the record can be read.
#[derive(Deserialize)]
struct Head {
    event: String,
    format_version: u32,
    #[serde(default)]
    began_unix_ms: u64,
    #[serde(default)]
    shard: Option<ShardHead>,
}

#[derive(Deserialize)]
struct ShardHead {
    index: u32,
    count: u32,
}

/// Checks that the first line belongs to a record that can be read and reported.
fn check_head(line: &[u8]) -> Result<(), RecordError> {
    let head: Head = serde_json::from_slice(line).map_err(|_| RecordError::NoRecord)?;
    if head.event != "run_started" {
        return Err(RecordError::NoRecord);
    }
    if head.format_version > FORMAT_VERSION {
        return Err(RecordError::Later(head.format_version));
    }
    if head.began_unix_ms > LAST_UNIX_MS {
        return Err(RecordError::Date);
    }
    if let Some(ShardHead { index, count }) = head.shard {
        Shard::new(index, count).map_err(RecordError::Shard)?;
    }
    Ok(())
}

/// Removes secrets from an event, and control characters from the name of its test, so that the name stays on one line
/// of a terminal. A record may come from any source, also from a version of itest that recognized fewer kinds of
/// secrets.
fn sanitized(mut event: Event) -> Event {
    event.redact();
    let id = match &mut event {
        Event::CaseFinished(case) | Event::CaseRetried(case) => &mut case.id,
        Event::CaseIgnored { id, .. } => id,
        _ => return event,
    };
    if id.as_str().chars().any(char::is_control) {
        *id = TestId::new(id.as_str().escape_debug().to_string());
    }
    event
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use serde_json::Value;

    use super::super::generated::{any_event_between, any_run, any_start};
    use super::*;
    use crate::model::{FlakyResult, Outcome, Summary};

    fn recorded(events: &[Event]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut recorder = Recorder::default();
        for event in events {
            recorder.event(event, &mut bytes).unwrap();
        }
        bytes
    }

    fn line(event: &Event) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_line(event, &mut bytes).unwrap();
        bytes
    }

    fn summary(record: &Record) -> &Summary {
        match record.events.last() {
            Some(Event::RunFinished(summary)) => summary,
            other => panic!("the record does not end with the end of its run, but with {other:?}"),
        }
    }

    fn is_recorded(event: &Event) -> bool {
        !matches!(event, Event::CaseStarted { .. } | Event::CaseSlow(_) | Event::Progress { .. })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_event_survives_writing_and_reading(event in prop_oneof![any_event_between(), any_start()]) {
            let read: Line<Event> = serde_json::from_slice(&line(&event)).unwrap();
            prop_assert_eq!(&read.event, &event);
            let name = serde_json::from_slice::<Value>(&line(&event)).unwrap()["event"].as_str().unwrap().to_owned();
            prop_assert!(Event::NAMES.contains(&name.as_str()), "{name} is missing in Event::NAMES");
        }

        #[test]
        fn record_reads_as_the_events_that_were_written(events in any_run()) {
            let record = Record::read(&recorded(&events)).unwrap();
            prop_assert_eq!(record.extent, Extent::Whole);
            let mut expected: Vec<_> = events.into_iter().filter(is_recorded).collect();
            expected.iter_mut().for_each(Event::redact);
            prop_assert_eq!(record.events, expected);
        }

        #[test]
        fn merged_record_is_green_only_if_all_records_are_green(
            runs in prop::collection::vec(any_run(), 1..4), in_one_file: bool,
        ) {
            let all_green = runs.iter().all(|run| matches!(run.last(), Some(Event::RunFinished(end)) if end.is_success()));
            let files: Vec<Vec<u8>> = runs.iter().map(|run| recorded(run)).collect();
            let files = if in_one_file { vec![files.concat()] } else { files };
            let merged = Record::merge(files.iter().map(|file| Record::read(file).unwrap()).collect());
            prop_assert_eq!(summary(&merged).is_success(), all_green);
            // The merged record can be written and read again.
            let again = Record::merge(vec![Record::read(&recorded(&merged.events)).unwrap()]);
            prop_assert_eq!(summary(&again).is_success(), all_green);
        }

        #[test]
        fn run_without_its_end_is_red(events in any_run(), other in any_run()) {
            let whole = Record::read(&recorded(&other)).unwrap();
            let cut = Record::read(&recorded(&events[..events.len() - 1])).unwrap();
            prop_assert_eq!(cut.extent, Extent::CutOff);
            prop_assert!(!summary(&Record::merge(vec![cut.clone()])).is_success());
            prop_assert!(!summary(&Record::merge(vec![whole, cut])).is_success());
            // The end of one run does not end the run that follows it.
            let both = Record::read(&recorded(&[&other[..], &events[..events.len() - 1]].concat())).unwrap();
            prop_assert_eq!(both.extent, Extent::CutOff);
            prop_assert!(!summary(&Record::merge(vec![both])).is_success());
        }
    }

    #[test]
    fn event_names_match_the_written_ones() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut seen = BTreeSet::from(["run_started".to_owned(), "run_finished".to_owned()]);
        for _ in 0..200 {
            let event = any_event_between().new_tree(&mut runner).unwrap().current();
            seen.insert(serde_json::to_value(&event).unwrap()["event"].as_str().unwrap().to_owned());
        }
        assert_eq!(seen, Event::NAMES.map(str::to_owned).into());
    }

    /// A record from the version before `flaky_result`, `kept`, `swept` and `repeats` were read.
    const RECORD_OF_EARLIER_VERSION: &str = r#"{"arguments":[],"began_unix_ms":1,"build":"b","environment":{"os":"linux"},"event":"run_started","format_version":1,"jobs":2,"order":"random","seed":7,"selected":2,"shard":null,"suite":"s"}
{"attempt":1,"elapsed_us":5,"event":"case_retried","failures":[{"location":"a.rs:3:1","message":"no","phase":"body"}],"id":"pay","location":"a.rs:2:1","outcome":"failed","phases":[{"elapsed_us":5,"phase":"body"}],"started_us":1,"stdout":"out","stderr_bytes":[255],"worker":0}
{"attempt":2,"elapsed_us":5,"event":"case_finished","failures":[],"id":"pay","location":"a.rs:2:1","outcome":"flaky","phases":[],"started_us":9,"worker":1,"mood":"new"}
{"event":"an_event_of_a_later_version","x":1}
{"elapsed_us":20,"event":"run_finished","failed":0,"filtered_out":3,"flaky":1,"given_back":0,"ignored":0,"interrupted_by":null,"not_run":0,"passed":1,"problems":[],"quarantined":0,"rounds":1,"slowest":[{"elapsed_us":5,"id":"pay"}],"success":false,"swept":{"recovered":{"given_back":0,"left":0,"problems":[]},"sessions":0},"used":[]}
"#;

    #[test]
    fn record_of_an_earlier_version_is_read_and_a_red_one_stays_red() {
        let record = Record::read(RECORD_OF_EARLIER_VERSION.as_bytes()).unwrap();
        assert_eq!((record.extent, record.seed, record.events.len()), (Extent::Whole, Seed(7), 4));
        let attempts = record.attempts();
        assert_eq!(
            attempts.iter().map(|case| case.report.outcome).collect::<Vec<_>>(),
            [Outcome::Failed, Outcome::Flaky]
        );
        assert_eq!((&attempts[0].output.stdout[..], &attempts[0].output.stderr[..]), (&b"out"[..], &[255][..]));
        assert_eq!(summary(&record).flaky_result, FlakyResult::Fail, "nothing else can have made this run red");
        assert!(!summary(&Record::merge(vec![record])).is_success());

        let for_another_reason = RECORD_OF_EARLIER_VERSION.replace(r#""flaky":1"#, r#""flaky":0"#);
        let record = Record::merge(vec![Record::read(for_another_reason.as_bytes()).unwrap()]);
        assert_eq!(summary(&record).problems, ["the record says that the run failed, and does not say why"]);
        let green = RECORD_OF_EARLIER_VERSION.replace(r#""success":false"#, r#""success":true"#);
        assert!(summary(&Record::merge(vec![Record::read(green.as_bytes()).unwrap()])).is_success());
    }

    #[test]
    fn known_event_that_cannot_be_read_is_reported_as_damage() {
        for damaged in [r#""outcome":"flakey""#, r#""outcome":7"#] {
            let text = RECORD_OF_EARLIER_VERSION.replace(r#""outcome":"flaky""#, damaged);
            assert!(matches!(Record::read(text.as_bytes()), Err(RecordError::Damaged { .. })), "{damaged}");
        }
    }

    #[test]
    fn control_characters_in_a_test_name_are_escaped() {
        let text = RECORD_OF_EARLIER_VERSION.replace(r#""id":"pay""#, r#""id":"pay\u001b[2J\n""#);
        let record = Record::read(text.as_bytes()).unwrap();
        assert_eq!(record.attempts()[0].id.as_str(), "pay\\u{1b}[2J\\n");
    }
}
