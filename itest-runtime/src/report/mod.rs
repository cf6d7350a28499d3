//! Floor 1: events in, text out. Reporters write to any `Write` and know nothing of how tests are run.

mod assertion;
mod console;
mod ctrf;
mod defused;
mod detection;
mod durations;
mod failure;
mod findings;
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
pub(crate) use text::{Repeat, quote, swept_in_words};
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
