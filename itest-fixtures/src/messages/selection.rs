//! Selects the messages that an expectation or a limit applies to.

use std::fmt;
use std::sync::Arc;

use super::message::Message;

/// The messages that an expectation or a limit applies to: those whose topic matches the pattern, and that meet the conditions.
#[derive(Clone)]
pub(super) struct Selection {
    pub(super) pattern: String,
    pub(super) conditions: Vec<Condition>,
}

/// A condition that a message meets.
#[derive(Clone)]
pub(super) struct Condition {
    /// The text of the condition in reports.
    pub(super) text: String,
    pub(super) holds: Arc<dyn Fn(&Message) -> bool + Send + Sync>,
}

impl Selection {
    /// All messages on the topics that match a pattern.
    pub(super) fn on(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), conditions: Vec::new() }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.pattern)?;
        for (position, condition) in self.conditions.iter().enumerate() {
            let separator = if position == 0 { "with" } else { "and" };
            write!(formatter, " {separator} {}", condition.text)?;
        }
        Ok(())
    }
}
