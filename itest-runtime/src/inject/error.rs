//! The error type of tests and fixtures. `?` converts every error into it and records the line.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use crate::model::{Problem, SourceLocation};

pub(super) type BoxedError = Box<dyn StdError + Send + Sync>;

/// Any error, and the line on which `?` converted it.
///
/// It can be converted from every [`std::error::Error`], `String`, `&str`, and the error types of `anyhow` and `eyre`. Like those
/// types, it does not implement [`std::error::Error`] itself, because the conversion from every error type would not compile then.
///
/// # Examples
///
/// ```
/// fn port(text: &str) -> Result<u16, itest_runtime::Error> {
///     Ok(text.parse()?)
/// }
///
/// assert_eq!(port("no").unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub struct Error {
    inner: BoxedError,
    location: Option<&'static Location<'static>>,
}

impl Error {
    /// Creates an error that has only a message.
    #[must_use]
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self::from(message.into())
    }

    /// Creates an error with an explicit location, for code that reports errors at its caller's line, such as a client.
    #[must_use]
    pub fn at(message: impl Into<String>, location: &'static Location<'static>) -> Self {
        Self { inner: message.into().into(), location: Some(location) }
    }

    /// Creates an error without a location, for an error that a function returned without `?`.
    pub(super) fn without_location(error: impl Into<BoxedError>) -> Self {
        Self { inner: error.into(), location: None }
    }

    /// The wrapped error.
    #[must_use]
    pub fn inner(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.inner.as_ref()
    }

    /// The message, the causes and the location, for a report.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        Problem {
            message: self.to_string(),
            location: self.location.map(|location| SourceLocation::new(location.to_string())),
            backtrace: None,
        }
    }
}

impl<E: Into<BoxedError>> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { inner: error.into(), location: Some(Location::caller()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&chain(self.inner.as_ref()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        self.location.map_or(Ok(()), |location| write!(formatter, " (at {location})"))
    }
}

/// An error and its causes in one line. A cause is left out if the text so far contains the cause's text already.
pub(super) fn chain<E: StdError + ?Sized>(error: &E) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !contains_words(&text, &message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

/// Whether a text contains another text as whole words: `port 5432` does not contain `5`.
fn contains_words(text: &str, part: &str) -> bool {
    let joins = |left: Option<char>, right: Option<char>| {
        left.is_some_and(char::is_alphanumeric) && right.is_some_and(char::is_alphanumeric)
    };
    text.match_indices(part).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + part.len()..]);
        !joins(before.chars().next_back(), part.chars().next())
            && !joins(part.chars().next_back(), after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the menu")]
    struct Outer {
        source: std::num::ParseIntError,
    }

    fn fails() -> Result<(), Error> {
        let source = "x".parse::<u8>().unwrap_err();
        Err(Outer { source })?;
        Ok(())
    }

    #[test]
    fn question_mark_keeps_causes_and_line() {
        let problem = fails().unwrap_err().to_problem();
        assert_eq!(problem.message, "cannot read the menu: invalid digit found in string");
        let location = problem.location.unwrap();
        assert!(location.as_str().contains("error.rs:"), "{location}");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    /// The chain of an error and its causes, the outermost first.
    fn chain_of(texts: &[&'static str]) -> String {
        let layer = texts.iter().rev().fold(None, |source, text| Some(Box::new(Layer { text, source })));
        chain(&*layer.unwrap())
    }

    #[test]
    fn cause_in_the_text_already_is_not_repeated() {
        assert_eq!(chain_of(&["cannot start", "no route"]), "cannot start: no route");
        assert_eq!(chain_of(&["cannot start: no route", "no route"]), "cannot start: no route");
        assert_eq!(chain_of(&["cannot start (no route), giving up", "no route"]), "cannot start (no route), giving up");
        assert_eq!(chain_of(&["a: b: c", "b: c", "c"]), "a: b: c");
        assert_eq!(chain_of(&["closed", "closed", "late"]), "closed: late");
        assert_eq!(chain_of(&["closed", ""]), "closed");
    }

    #[test]
    fn cause_that_matches_part_of_a_word_is_added() {
        assert_eq!(chain_of(&["port 5432 is taken", "5"]), "port 5432 is taken: 5");
        assert_eq!(chain_of(&["cannot start", "not"]), "cannot start: not");
        assert_eq!(chain_of(&["cannot start, not now", "not"]), "cannot start, not now");
    }

    #[test]
    fn text_converts_to_an_error() {
        let error: Error = "out of milk".into();
        assert_eq!(error.to_string(), "out of milk");
        assert_eq!(Error::new("late").to_string(), "late");
    }
}
