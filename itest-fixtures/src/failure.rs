//! Errors in words: what failed, and what the error and its causes say.

use std::error::Error as StdError;

use itest_runtime::Error;

/// What one error of a chain adds to the description.
#[derive(Debug)]
pub(crate) enum Message {
    /// Nothing, because it only wraps its cause.
    None,
    /// Its text; the texts of its causes follow.
    Text(String),
    /// Its text, which says everything that its causes say.
    Whole(String),
}

/// `cannot {action}: {error}: {cause}`.
#[cfg(feature = "_service")]
pub(crate) fn failed_to(action: &str, error: &(dyn StdError + 'static)) -> Error {
    with_action(action, &chain(error, |error| Message::Text(error.to_string())))
}

/// `cannot {action}: {reason}`.
pub(crate) fn with_action(action: &str, reason: &str) -> Error {
    Error::new(format!("cannot {action}: {reason}"))
}

/// An error and its causes in one line. A cause whose text is part of the line already is left out.
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
