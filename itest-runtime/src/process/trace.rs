//! Events of `tracing`, written to stderr: there they belong to the test that caused them, as everything else does.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_core::dispatcher::{Dispatch, set_default, set_global_default};
use tracing_log::LogTracer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::stopwatch::Stopwatch;
use crate::inject::begin_threads_with;
use crate::model::TraceScope;

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

/// The subscriber that itest sets on each thread of the runtimes, where the application may install the global one.
static DISPATCH: OnceLock<Dispatch> = OnceLock::new();

/// Whether the global subscriber or the global logger is itest's.
static OWNS_PROCESS: AtomicBool = AtomicBool::new(false);

/// Shows events from now on, unless the code under test has seen to that itself.
pub(crate) fn show_trace(filter: &str, scope: TraceScope) {
    let Ok(targets) = Targets::from_str(filter) else { return };
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_timer(SinceTest);
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer.with_filter(targets)));
    match scope {
        TraceScope::Process => {
            let (has_subscriber, has_logger) = (set_global_default(dispatch).is_ok(), LogTracer::init().is_ok());
            OWNS_PROCESS.store(has_subscriber || has_logger, Ordering::Relaxed);
        }
        TraceScope::Threads => {
            let _ = DISPATCH.set(dispatch);
            begin_threads_with(show_trace_of_this_thread);
            show_trace_of_this_thread();
        }
    }
}

/// From now on, shows the events of this thread, if itest has left the global subscriber to the application.
pub(crate) fn show_trace_of_this_thread() {
    if let Some(dispatch) = DISPATCH.get() {
        std::mem::forget(set_default(dispatch));
    }
}

/// What `tracing` and `log` say to code that installs a subscriber or a logger where there is one, as errors and in panics.
const REFUSALS: [&str; 4] = [
    "a global default trace dispatcher has already been set",
    "SetGlobalDefaultError",
    "attempted to set a logger after the logging system was already initialized",
    "SetLoggerError",
];

/// Whether the code under test says that it could not install its own subscriber or logger, because itest's is installed.
pub(crate) fn is_refused_by_ours<'m>(mut messages: impl Iterator<Item = &'m str>) -> bool {
    OWNS_PROCESS.load(Ordering::Relaxed)
        && messages.any(|message| REFUSALS.iter().any(|refusal| message.contains(refusal)))
}

/// A test begins: times count from here.
pub(crate) fn begin_trace() {
    TEST.begin();
}

/// Writes the time since the test began, as `+12.345ms`.
#[derive(Debug)]
struct SinceTest;

impl FormatTime for SinceTest {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let micros = TEST.elapsed().as_micros();
        write!(writer, "+{}.{:03}ms", micros / 1_000, micros % 1_000)
    }
}
