//! Layer 1: reporters. They turn events into text, write to any `Write`, and do not depend on how tests are run.

mod assertion;
mod command_escaper;
mod console;
mod ctrf;
mod detection;
mod durations;
mod failure;
mod faults;
mod file_reports;
mod findings;
#[cfg(test)]
mod generated;
mod github;
#[cfg(feature = "html")]
mod html;
#[cfg(feature = "coverage")]
mod integration_coverage;
mod json;
#[cfg(feature = "junit")]
mod junit;
mod libtest_json;
mod merge;
mod packed;
mod progress;
#[cfg(feature = "coverage")]
mod recommendations;
mod record;
mod report_context;
mod summary;
mod terse;
mod text;
#[cfg(feature = "html")]
mod text_budget;
#[cfg(feature = "trace")]
mod trace;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::model::{Event, ShowOutput};

pub(crate) use command_escaper::CommandEscaper;
pub(crate) use console::Console;
pub(crate) use detection::{DetectionReport, DetectionSummary};
pub(crate) use faults::{FaultReport, FaultSummary};
pub(crate) use file_reports::{FILE_REPORTS, FileReport};
pub(crate) use github::{Annotations, Sources, StepSummary};
#[cfg(feature = "coverage")]
pub(crate) use integration_coverage::{write_coverage_json, write_coverage_markdown};
pub(crate) use json::Json;
pub(crate) use libtest_json::LibtestJson;
pub(crate) use record::{Extent, Record, Recorder};
pub(crate) use report_context::{FileReportContext, ReadEarlierRun};
pub(crate) use terse::Terse;
pub use text::quote;
pub(crate) use text::{Repeat, ended_services_in_words, swept_in_words};
#[cfg(feature = "history")]
pub(crate) use text::{count as counted, time as time_in_words};

/// Options of the reports for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReportOptions {
    /// Whether escape sequences for colours are written.
    pub color: ColorMode,
    /// The width of the terminal that shows a live line; `None` if there is no live line.
    pub live_width: Option<usize>,
    /// Whether the line of a test ends with its duration.
    pub time: TimeColumn,
    /// The tests whose output is shown.
    pub output: ShowOutput,
    /// The commands that run tests again.
    pub repeat: Repeat,
    /// The path of the run's record, if one is written.
    pub record: Option<PathBuf>,
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColorMode {
    /// Text without escape sequences.
    Plain,
    /// Text with escape sequences.
    Colored,
}

/// Whether the durations of tests are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeColumn {
    /// The duration is shown, as with libtest's `--report-time`.
    Shown,
    /// The duration is not shown.
    Hidden,
}

/// A reporter turns events into text.
pub(crate) trait Reporter {
    /// Writes the text for an event, if there is one.
    ///
    /// # Errors
    ///
    /// When `out` returns an error.
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{any_mutations, mutated};
    use crate::report::generated::any_run;

    fn options() -> ReportOptions {
        let repeat = Repeat { program: "cargo test --".to_owned(), arguments: Vec::new(), of_one_test: Vec::new() };
        ReportOptions {
            color: ColorMode::Colored,
            live_width: Some(80),
            time: TimeColumn::Shown,
            output: ShowOutput::All,
            repeat,
            record: Some("own.itest".into()),
        }
    }

    #[cfg(feature = "html")]
    fn context() -> FileReportContext {
        let tags = [("slow", vec![crate::model::TestId::new("a")])].into();
        FileReportContext { suite: "suite".to_owned(), repeat: options().repeat, tags, earlier_run: None }
    }

    fn all_reporters() -> Vec<Box<dyn Reporter>> {
        vec![
            Box::new(Console::new(options())),
            Box::new(Terse::new(options())),
            Box::new(Json),
            Box::new(LibtestJson::new(options())),
            Box::new(ctrf::Ctrf::new("suite")),
            #[cfg(feature = "html")]
            Box::new(html::Html::new(context())),
            #[cfg(feature = "junit")]
            Box::new(junit::Junit::new("suite")),
            #[cfg(feature = "trace")]
            Box::new(trace::Trace::new("suite")),
            Box::new(Annotations::new(Sources::default())),
            Box::new(StepSummary::new("suite".to_owned(), Sources::default(), options().repeat)),
            Box::<Recorder>::default(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A record may come from any source, and its content must not make a report panic.
        #[test]
        fn mutated_record_is_refused_or_reported_without_a_panic(
            events in any_run(), mutations in any_mutations(), other in any_run(),
        ) {
            let recorded = |events: &[Event]| {
                let mut bytes = Vec::new();
                let mut recorder = Recorder::default();
                for event in events {
                    recorder.event(event, &mut bytes).unwrap();
                }
                bytes
            };
            let Ok(record) = Record::read(&mutated(recorded(&events), &mutations)) else { return Ok(()) };
            let _ = (record.attempts().len(), record.durations().len());
            let merged = Record::merge(vec![record.clone(), Record::read(&recorded(&other)).unwrap(), record]);
            let again = Record::read(&recorded(&merged.events));
            prop_assert!(again.is_ok(), "a record that was read cannot be written again: {:?}", again.err());
            for reporter in &mut all_reporters() {
                let mut out = Vec::new();
                merged.events.iter().for_each(|event| reporter.event(event, &mut out).unwrap());
            }
        }
    }
}
