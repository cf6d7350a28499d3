//! The history as JSON lines, for programs: one object for the suite, then one for each of its tests.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::suite_history::{SuiteHistory, TestHistory};
use crate::detect::Tally;
use crate::model::{Quarantine, TestId};

/// The version of the format. It increases when a field changes its meaning or is removed.
const FORMAT_VERSION: u32 = 1;

/// Writes the history of a suite.
///
/// # Errors
///
/// When `out` returns an error.
pub(crate) fn write_lines(
    history: &SuiteHistory,
    suite: &str,
    quarantined: &BTreeMap<TestId, Quarantine>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let SuiteHistory { runs, attempts, revisions, span, tests } = history;
    let head = json!({
        "event": "history", "format_version": FORMAT_VERSION, "suite": suite, "runs": runs, "attempts": attempts,
        "commits": revisions, "first_unix_ms": span.map(|(first, _)| first), "last_unix_ms": span.map(|(_, last)| last),
    });
    writeln!(out, "{head}")?;
    tests.iter().try_for_each(|test| writeln!(out, "{}", line(test, quarantined.get(&test.test))))
}

fn line(test: &TestHistory, quarantine: Option<&Quarantine>) -> Value {
    let trend = test.trend.map(|trend| {
        let half = |tally: Tally| json!({"failures": tally.failures(), "attempts": tally.runs()});
        json!({"direction": trend.direction.word(), "before": half(trend.before), "after": half(trend.after)})
    });
    let mixed = test.mixed.as_ref().map(|mixed| {
        json!({"commit": mixed.revision, "passed": mixed.passed, "failed": mixed.failed, "codes": test.mixed_codes})
    });
    let duration_change =
        test.duration_change.map(|(old, new)| json!({"before_us": micros(old), "after_us": micros(new)}));
    let last = test.last_failure.as_ref().map(|last| {
        json!({
            "began_unix_ms": last.began_unix_ms, "commit": last.revision, "phase": last.phase, "message": last.message,
        })
    });
    let (low, high) = test.bounds();
    json!({
        "event": "history_test", "id": test.test.as_str(), "attempts": test.tally.runs(), "failures": test.tally.failures(),
        "rate": test.rate(), "rate_low": low, "rate_high": high, "trend": trend,
        "same_code_different_outcomes": mixed, "median_us": micros(test.median), "p95_us": micros(test.p95),
        "median_change": duration_change, "last_failure": last, "quarantine": quarantine,
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
