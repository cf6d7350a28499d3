//! Writes the events of `tracing` to stderr, so that they are captured as output of the test that caused them.

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

use super::log_layer::{LogLayer, WhileObserved};
use super::stopwatch::Stopwatch;
use crate::inject::begin_threads_with;
use crate::model::TraceScope;

/// Measures the time since the running test began.
static TEST_STOPWATCH: Stopwatch = Stopwatch::idle();

/// Checks the syntax of a filter, such as `info,shop=debug`.
///
/// # Errors
///
/// A message about the mistake in the filter.
pub(crate) fn check_trace_filter(filter: &str) -> Result<(), String> {
    Targets::from_str(filter)
        .map(drop)
        .map_err(|error| format!("{error}; expected levels and targets, as in `info,shop=debug`"))
}

/// The subscriber that itest sets on each thread of the runtimes if it leaves the global subscriber to the application.
static DISPATCH: OnceLock<Dispatch> = OnceLock::new();

/// Whether itest has installed the global subscriber or the global logger.
static HAS_GLOBAL_SUBSCRIBER: AtomicBool = AtomicBool::new(false);

/// Which events of this process itest sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// The events of `tracing` and the records of `log`, of all threads.
    All,
    /// The events of `tracing` of all threads. Something in the process has installed a logger before itest.
    Tracing,
    /// The events of the threads that run tests and tasks, because the application may own the subscriber and the logger.
    ThreadsOfTests,
    /// None, because something in the process has installed a subscriber before itest.
    Nothing,
}

/// Which events of this process itest sees, from the moment when it has installed its subscriber.
static VISIBILITY: OnceLock<Visibility> = OnceLock::new();

/// Which events of this process itest sees.
#[must_use]
pub(crate) fn visibility() -> Visibility {
    VISIBILITY.get().copied().unwrap_or(Visibility::Nothing)
}

/// Shows events from now on, unless the code under test has already installed its own subscriber.
pub(crate) fn show_trace(filter: &str, scope: TraceScope) {
    let Ok(targets) = Targets::from_str(filter) else { return };
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_timer(SinceTest);
    let shown = tracing_subscriber::registry().with(layer.with_filter(targets));
    let dispatch = Dispatch::new(shown.with(LogLayer.with_filter(WhileObserved)));
    match scope {
        TraceScope::Process => {
            let (has_subscriber, has_logger) = (set_global_default(dispatch).is_ok(), LogTracer::init().is_ok());
            HAS_GLOBAL_SUBSCRIBER.store(has_subscriber || has_logger, Ordering::Relaxed);
            let _ = VISIBILITY.set(match (has_subscriber, has_logger) {
                (true, true) => Visibility::All,
                (true, false) => Visibility::Tracing,
                (false, _) => Visibility::Nothing,
            });
        }
        TraceScope::Threads => {
            let _ = DISPATCH.set(dispatch);
            let _ = VISIBILITY.set(Visibility::ThreadsOfTests);
            begin_threads_with(show_trace_of_this_thread);
            show_trace_of_this_thread();
        }
    }
}

/// Shows the events of this thread from now on, if itest has left the global subscriber to the application.
pub(crate) fn show_trace_of_this_thread() {
    if let Some(dispatch) = DISPATCH.get() {
        std::mem::forget(set_default(dispatch));
    }
}

/// Parts of the messages with which `tracing` and `log` refuse a second global subscriber or logger.
const REFUSAL_MESSAGES: [&str; 4] = [
    "a global default trace dispatcher has already been set",
    "SetGlobalDefaultError",
    "attempted to set a logger after the logging system was already initialized",
    "SetLoggerError",
];

/// Whether one of the messages of a failure says that the code under test could not install its own subscriber or logger, and
/// itest's subscriber is the reason.
pub(crate) fn is_subscriber_conflict<'m>(mut messages: impl Iterator<Item = &'m str>) -> bool {
    HAS_GLOBAL_SUBSCRIBER.load(Ordering::Relaxed)
        && messages.any(|message| REFUSAL_MESSAGES.iter().any(|refusal| message.contains(refusal)))
}

/// Starts the stopwatch when a test begins. The times of events are relative to this moment.
pub(crate) fn begin_trace() {
    TEST_STOPWATCH.begin();
}

/// Formats the time since the test began as `+12.345ms`.
#[derive(Debug)]
struct SinceTest;

impl FormatTime for SinceTest {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let micros = TEST_STOPWATCH.elapsed().as_micros();
        write!(writer, "+{}.{:03}ms", micros / 1_000, micros % 1_000)
    }
}
