//! Events of `tracing`, written to stderr: there they belong to the test that caused them, as everything else does.

use std::fmt;
use std::io;
use std::str::FromStr;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::stopwatch::Stopwatch;

/// Since when the running test has been running.
static TEST: Stopwatch = Stopwatch::idle();

/// Looks at a filter, such as `info,shop=debug`.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check_trace_filter(filter: &str) -> Result<(), String> {
    Targets::from_str(filter)
        .map(drop)
        .map_err(|error| format!("{error}; expected levels and targets, as in `info,shop=debug`"))
}

/// Shows events from now on, unless the code under test has seen to that itself.
pub(crate) fn show_trace(filter: &str) {
    let Ok(targets) = Targets::from_str(filter) else { return };
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_timer(SinceTest);
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}

/// A test begins: times count from here.
pub(crate) fn begin_trace() {
    TEST.begin();
}

/// `+12.345ms`
#[derive(Debug)]
struct SinceTest;

impl FormatTime for SinceTest {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let micros = TEST.elapsed().as_micros();
        write!(writer, "+{}.{:03}ms", micros / 1_000, micros % 1_000)
    }
}
