//! Describes errors: the action that failed, and the messages of the error and its causes.

#[cfg(any(
    feature = "_database",
    feature = "_startable-service",
    feature = "compose",
    feature = "kafka-mock",
    feature = "s3"
))]
use std::error::Error as StdError;

use itest_runtime::Error;

/// The part of the description that one error of a chain adds.
#[cfg(any(
    feature = "_database",
    feature = "_startable-service",
    feature = "compose",
    feature = "kafka-mock",
    feature = "s3"
))]
#[derive(Debug)]
#[cfg_attr(not(feature = "_database"), expect(dead_code, reason = "only errors of databases wrap their causes"))]
pub(crate) enum Message {
    /// No text, because the error only wraps its cause.
    None,
    /// The text of the error. The texts of its causes follow.
    Text(String),
    /// The text of the error, which includes its causes.
    Whole(String),
}

/// `cannot {action}: {error}: {cause}`.
#[cfg(any(feature = "_startable-service", feature = "compose", feature = "kafka-mock", feature = "s3"))]
pub(crate) fn failed_to(action: &str, error: &(dyn StdError + 'static)) -> Error {
    with_action(action, &chain(error, |error| Message::Text(error.to_string())))
}

/// `cannot {action}: {reason}`.
pub(crate) fn with_action(action: &str, reason: &str) -> Error {
    Error::new(format!("cannot {action}: {reason}"))
}

/// Joins an error and its causes in one line. A cause is left out if its text is already part of the line.
#[cfg(any(
    feature = "_database",
    feature = "_startable-service",
    feature = "compose",
    feature = "kafka-mock",
    feature = "s3"
))]
pub(crate) fn chain(
    error: &(dyn StdError + 'static),
    message: impl Fn(&(dyn StdError + 'static)) -> Message,
) -> String {
    let mut line = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        let text = match message(error) {
            Message::None => continue,
            Message::Text(text) => text,
            Message::Whole(text) => {
                next = None;
                text
            }
        };
        if !line.contains(&text) {
            let separator = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{separator}{text}");
        }
    }
    line
}
