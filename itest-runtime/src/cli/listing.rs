//! `--list`: prints the names of the selected tests.

use std::io::{self, Write};

use serde_json::json;

use crate::inject::Candidate;
use crate::model::Format;

/// Prints one line for each name, as libtest does.
///
/// # Errors
///
/// When stdout cannot be written to.
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let mut count = 0_usize;
    for name in names {
        out.write_all(name.as_bytes())?;
        out.write_all(b": test\n")?;
        count += 1;
    }
    if format == Format::Pretty {
        let plural = if count == 1 { "" } else { "s" };
        writeln!(out, "\n{count} test{plural}, 0 benchmarks")?;
    }
    out.flush()
}

/// Prints libtest's JSON lines of a list. The end of a test in the source is not known, so its beginning stands for it.
///
/// # Errors
///
/// When stdout cannot be written to.
pub(super) fn discover<'c>(cases: impl Iterator<Item = &'c Candidate>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", json!({"type": "suite", "event": "discovery"}))?;
    let (mut count, mut ignored) = (0_usize, 0_usize);
    for case in cases {
        let entry = case.entry();
        let mut place = entry.location.rsplitn(3, ':');
        let mut number = || place.next().and_then(|text| text.parse::<u32>().ok()).unwrap_or_default();
        let (column, line) = (number(), number());
        let discovered = json!({
            "type": "test", "event": "discovered", "name": case.name, "ignore": entry.meta.ignore.is_some(),
            "ignore_message": entry.meta.ignore.unwrap_or_default(),
            "source_path": place.next().unwrap_or_default(),
            "start_line": line, "start_col": column, "end_line": line, "end_col": column,
        });
        writeln!(out, "{discovered}")?;
        count += 1;
        ignored += usize::from(entry.meta.ignore.is_some());
    }
    let line = json!({
        "type": "suite", "event": "completed", "tests": count, "benchmarks": 0, "total": count, "ignored": ignored,
    });
    writeln!(out, "{line}")?;
    out.flush()
}
