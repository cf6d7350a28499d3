//! The history for programs: one JSON object a line, the suite first, then its tests.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::story::{Chronicle, Story};
use crate::detect::Tally;
use crate::model::{Quarantine, TestId};

/// Raised when a field changes its meaning or goes away.
const FORMAT_VERSION: u32 = 1;

/// Writes what is known.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn write_lines(
    chronicle: &Chronicle,
    suite: &str,
    quarantined: &BTreeMap<TestId, Quarantine>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Chronicle { runs, attempts, revisions, span, stories } = chronicle;
    let head = json!({
        "event": "history", "format_version": FORMAT_VERSION, "suite": suite, "runs": runs, "attempts": attempts,
        "commits": revisions, "first_unix_ms": span.map(|(first, _)| first), "last_unix_ms": span.map(|(_, last)| last),
    });
    writeln!(out, "{head}")?;
    stories.iter().try_for_each(|story| writeln!(out, "{}", line(story, quarantined.get(&story.test))))
}

fn line(story: &Story, quarantine: Option<&Quarantine>) -> Value {
    let trend = story.trend.map(|trend| {
        let half = |tally: Tally| json!({"failures": tally.failures(), "attempts": tally.runs()});
        json!({"direction": trend.direction.word(), "before": half(trend.before), "after": half(trend.after)})
    });
    let mixed = story.mixed.as_ref().map(|mixed| {
        json!({"commit": mixed.revision, "passed": mixed.passed, "failed": mixed.failed, "codes": story.mixed_codes})
    });
    let pace = story.pace.map(|(old, new)| json!({"before_us": micros(old), "after_us": micros(new)}));
    let last = story.last_failure.as_ref().map(|last| {
        json!({
            "began_unix_ms": last.began_unix_ms, "commit": last.revision, "phase": last.phase, "message": last.message,
        })
    });
    let (low, high) = story.bounds();
    json!({
        "event": "history_test", "id": story.test.as_str(), "attempts": story.tally.runs(), "failures": story.tally.failures(),
        "rate": story.rate(), "rate_low": low, "rate_high": high, "trend": trend,
        "same_code_different_outcomes": mixed, "median_us": micros(story.median), "p95_us": micros(story.p95),
        "median_change": pace, "last_failure": last, "quarantine": quarantine,
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
