//! Passes the events of `tracing` on to the observers of the running test. It passes on nothing while there is no observer.

use std::fmt;

use tracing_core::field::{Field, Visit};
use tracing_core::subscriber::Interest;
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::layer::{Context, Filter, Layer};

use super::log_collector::{add_log, is_log_observed};
use crate::model::{Level, LogContent, LogField};

/// The field of an event that is its message.
const MESSAGE_FIELD: &str = "message";

/// The fields with which `tracing-log` describes the origin of a record of `log`.
const ORIGIN_FIELDS: &str = "log.";

/// The layer that passes events on to the observers.
#[derive(Debug)]
pub(super) struct LogLayer;

impl<S: Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(level) = level_of(event.metadata()) else { return };
        let origin = event.normalized_metadata();
        let target = origin.as_ref().map_or(event.metadata().target(), Metadata::target).to_owned();
        let content = LogContent { level, target, message: String::new(), fields: Vec::new() };
        let mut reader = FieldReader { content, is_from_log: origin.is_some() };
        // The fields are formatted before the record is added, because formatting calls the code under test, which may log too.
        event.record(&mut reader);
        add_log(reader.content);
    }
}

/// The filter of [`LogLayer`]: events of the levels that are collected, while there is an observer.
#[derive(Debug)]
pub(super) struct WhileObserved;

impl WhileObserved {
    fn is_collected(metadata: &Metadata<'_>) -> bool {
        // The metadata of `tracing::enabled!` is neither an event nor a span.
        is_log_observed() && !metadata.is_span() && level_of(metadata).is_some()
    }
}

impl<S> Filter<S> for WhileObserved {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::is_collected(metadata)
    }

    /// The interest is never `always`. With `always`, an event may be lost after a call such as `tracing::enabled!`, because
    /// `tracing-subscriber` keeps the decisions of the filters until the next event, and asks the filters only if the interest is `sometimes`.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::is_collected(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if is_log_observed() { LevelFilter::DEBUG } else { LevelFilter::OFF })
    }
}

/// The level of an event. None if events of this level are not collected.
fn level_of(metadata: &Metadata<'_>) -> Option<Level> {
    match *metadata.level() {
        tracing_core::Level::ERROR => Some(Level::ERROR),
        tracing_core::Level::WARN => Some(Level::WARN),
        tracing_core::Level::INFO => Some(Level::INFO),
        tracing_core::Level::DEBUG => Some(Level::DEBUG),
        tracing_core::Level::TRACE => None,
    }
}

/// Reads the message and the fields of an event.
struct FieldReader {
    content: LogContent,
    is_from_log: bool,
}

impl FieldReader {
    fn add(&mut self, field: &Field, value: String) {
        let name = field.name();
        if name == MESSAGE_FIELD {
            self.content.message = value;
        } else if !(self.is_from_log && name.starts_with(ORIGIN_FIELDS)) {
            self.content.fields.push(LogField { name: name.to_owned(), value });
        }
    }
}

impl Visit for FieldReader {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}
