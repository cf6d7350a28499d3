//! Log records: what the code under test has logged, with its level, fields, time and phase.

use std::fmt;
use std::time::Duration;

use super::{Phase, redacted, redacted_value};

/// The longest text of a record in a line of a report.
const MAX_LINE_CHARS: usize = 240;

/// The level of a record. A more severe level is greater: `ERROR` is greater than `WARN`.
///
/// There is no `TRACE`, because [`Logs`](crate::Logs) collects no records of that level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Details for the developers.
    DEBUG,
    /// What happens in ordinary operation.
    INFO,
    /// A problem that the code could cope with.
    WARN,
    /// A failure.
    ERROR,
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogField {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What the code under test says in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogContent {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<LogField>,
}

impl LogContent {
    /// The size of all texts in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let fields: usize = self.fields.iter().map(|field| field.name.len() + field.value.len()).sum();
        self.target.len() + self.message.len() + fields
    }
}

/// A record that the code under test has logged: an event of `tracing`, a record of `log`, or a line of a program.
///
/// `Display` and `Debug` show it in one line, without secrets. The methods return the texts as they were logged.
#[derive(Clone, PartialEq, Eq)]
pub struct LogRecord {
    content: LogContent,
    elapsed: Duration,
    phase: Phase,
}

impl LogRecord {
    /// A record that was logged at a time after the beginning of the attempt.
    pub(crate) fn new(content: LogContent, elapsed: Duration, phase: Phase) -> Self {
        Self { content, elapsed, phase }
    }

    /// The size of all texts in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.content.bytes()
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.content.level
    }

    /// The target, which is the path of the module by default. It is the name of the program for a line that has no target.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.content.target
    }

    /// The message, without the fields.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.content.message
    }

    /// The names and values of the fields, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.content.fields.iter().map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// The value of the first field with this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The time from the beginning of the attempt until the record was logged.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The phase of the test in which the record was logged.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the message, the target or a field contains this text. A field is searched in the form `name=value`.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.message().contains(text)
            || self.target().contains(text)
            || self.fields().any(|(name, value)| format!("{name}={value}").contains(text))
    }
}

impl fmt::Display for LogRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogContent { level, target, message, fields } = &self.content;
        let mut parts = vec![format!("{target}: {}", redacted(beginning(message)))];
        let shown = |LogField { name, value }: &LogField| format!("{name}={}", redacted_value(name, beginning(value)));
        parts.extend(fields.iter().map(shown));
        let line = parts.iter().flat_map(|part| part.split_whitespace()).collect::<Vec<_>>().join(" ");
        write!(formatter, "+{}ms {} {level} ", self.elapsed.as_millis(), self.phase)?;
        match line.char_indices().nth(MAX_LINE_CHARS) {
            Some((end, _)) => write!(formatter, "{}…", &line[..end]),
            None => formatter.write_str(&line),
        }
    }
}

impl fmt::Debug for LogRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The part of a text that may be shown. Searching a long text for secrets takes time.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_LINE_CHARS * 8)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str, fields: &[(&str, &str)]) -> LogRecord {
        let field = |(name, value): &(&str, &str)| LogField { name: (*name).to_owned(), value: (*value).to_owned() };
        let content = LogContent {
            level: Level::ERROR,
            target: "shop::payments".to_owned(),
            message: message.to_owned(),
            fields: fields.iter().map(field).collect(),
        };
        LogRecord::new(content, Duration::from_micros(12_345), Phase::Act)
    }

    #[test]
    fn text_is_searched_in_message_target_and_fields() {
        let record = record("the gateway is gone", &[("attempts", "3")]);
        for text in ["gateway", "shop::pay", "attempts=3", "3"] {
            assert!(record.contains(text), "{text}");
        }
        assert!(!record.contains("attempts=4"));
        assert_eq!((record.field("attempts"), record.field("order")), (Some("3"), None));
    }

    #[test]
    fn line_shows_no_secrets_and_no_line_breaks() {
        let record = record("cannot reach\npostgres://ann:s3cret9@db/shop", &[("api_key", "hunter2"), ("id", "7")]);
        let line = record.to_string();
        assert!(line.starts_with("+12ms act ERROR shop::payments: cannot reach postgres://ann:"), "{line}");
        assert!(line.ends_with(" id=7") && !line.contains("s3cret9") && !line.contains("hunter2"), "{line}");
        assert_eq!(format!("{record:?}"), line);
        assert_eq!(record.field("api_key"), Some("hunter2"));
    }

    #[test]
    fn long_record_is_shortened_in_its_line() {
        let line = record(&"x".repeat(100_000), &[]).to_string();
        assert!(line.chars().count() < MAX_LINE_CHARS + 40 && line.ends_with('…'), "{line}");
    }

    #[test]
    fn error_is_the_greatest_level() {
        assert!(Level::ERROR > Level::WARN && Level::WARN > Level::INFO && Level::INFO > Level::DEBUG);
        assert_eq!(Level::WARN.to_string(), "WARN");
    }
}
