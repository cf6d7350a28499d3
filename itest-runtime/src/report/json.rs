//! The report for programs: JSON lines, one object for each event.
//!
//! Each object has a field `event`, and the first one a field `format_version`. New fields and events may be added
//! without a new version, so readers must skip fields and events that they do not know.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::Reporter;
use crate::model::Event;

/// The version of the format. It increases when a field changes its meaning or is removed.
pub(super) const FORMAT_VERSION: u32 = 1;

/// The reporter that writes JSON lines.
#[derive(Debug, Default)]
pub(crate) struct Json;

impl Reporter for Json {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        write_line(event, out)?;
        out.flush()
    }
}

/// An event, and further fields of its line, which follow from the event and from the version of itest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<E> {
    /// The event.
    #[serde(flatten)]
    pub(super) event: E,
    /// The version of the format, on the first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) format_version: Option<u32>,
    /// Whether the run passed, on the last line.
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
