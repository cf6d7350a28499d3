//! Floor 1: events in, text out. Reporters write to any `Write` and know nothing of how tests are run.

mod assertion;
mod console;
mod ctrf;
mod defused;
mod detection;
mod durations;
mod failure;
mod findings;
#[cfg(test)]
mod generated;
mod github;
mod json;
#[cfg(feature = "junit")]
mod junit;
mod libtest_json;
mod merge;
mod packed;
mod progress;
mod record;
mod summary;
mod terse;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::model::{Event, ShowOutput};

pub(crate) use console::Console;
pub(crate) use ctrf::Ctrf;
pub(crate) use defused::Defused;
pub(crate) use detection::{DetectionReport, DetectionSummary};
pub(crate) use github::{Annotations, Sources, StepSummary};
pub(crate) use json::Json;
#[cfg(feature = "junit")]
pub(crate) use junit::Junit;
pub(crate) use libtest_json::LibtestJson;
pub(crate) use record::{Extent, Record, Recorder};
pub(crate) use terse::Terse;
pub use text::quote;
pub(crate) use text::{Repeat, swept_in_words};
#[cfg(feature = "history")]
pub(crate) use text::{count as counted, time as time_in_words};

/// How a report on a console looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// Escape sequences for colours.
    pub color: ColorMode,
    /// The width of a terminal that shows a live line; `None` where there is none.
    pub live_width: Option<usize>,
    /// Whether each line ends with its time.
    pub time: TimeColumn,
    /// Whose output is shown.
    pub output: ShowOutput,
    /// How a failure is repeated.
    pub repeat: Repeat,
    /// Where the run's record is written, if it is.
    pub record: Option<PathBuf>,
}

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColorMode {
    /// Text only.
    Plain,
    /// With escape sequences.
    Colored,
}

/// Whether times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeColumn {
    /// As libtest's `--report-time`.
    Shown,
    /// Not.
    Hidden,
}

/// Turns events into text.
pub(crate) trait Reporter {
    /// Writes what an event is worth.
    ///
    /// # Errors
    ///
    /// When the text cannot be written.
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{any_mutations, mutated};
    use crate::report::generated::any_run;

    fn look() -> Look {
        let repeat = Repeat { program: "cargo test --".to_owned(), arguments: Vec::new(), of_one_test: Vec::new() };
        Look {
            color: ColorMode::Colored,
            live_width: Some(80),
            time: TimeColumn::Shown,
            output: ShowOutput::All,
            repeat,
            record: Some("own.itest".into()),
        }
    }

    fn all_reporters() -> Vec<Box<dyn Reporter>> {
        vec![
            Box::new(Console::new(look())),
            Box::new(Terse::new(look())),
            Box::new(Json),
            Box::new(LibtestJson::new(look())),
            Box::new(Ctrf::new("suite")),
            #[cfg(feature = "junit")]
            Box::new(Junit::new("suite")),
            Box::new(Annotations::new(Sources::default())),
            Box::new(StepSummary::new("suite".to_owned(), Sources::default(), look().repeat)),
            Box::<Recorder>::default(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A record may come from anywhere, and no report may fail because of what it says.
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
            prop_assert!(again.is_ok(), "what was read can be recorded: {:?}", again.err());
            for reporter in &mut all_reporters() {
                let mut out = Vec::new();
                merged.events.iter().for_each(|event| reporter.event(event, &mut out).unwrap());
            }
        }
    }
}
