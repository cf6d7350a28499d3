//! The report for programs: one JSON object a line, one line an event.
//!
//! Every object has an `event`; the first one has a `format_version`. New fields and events may be added in one version;
//! readers skip what they do not know.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::Reporter;
use crate::model::Event;

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

/// An event and what its line says beside it, which follows from the event and from this version of itest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<E> {
    /// The event.
    #[serde(flatten)]
    pub(super) event: E,
    /// On the first line: the version of the format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format_version: Option<u32>,
    /// On the last line: whether the run is green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) success: Option<bool>,
}

/// Writes an event as a line.
pub(super) fn write_line(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let line = Line {
        event,
        format_version: matches!(event, Event::RunStarted { .. }).then_some(FORMAT_VERSION),
        success: if let Event::RunFinished(summary) = event { Some(summary.is_success()) } else { None },
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}
