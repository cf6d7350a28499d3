//! The error type for tests and fixtures: anything that `?` can turn into it, and where that happened.

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

use crate::model::{Problem, SourceLocation};

type BoxedError = Box<dyn StdError + Send + Sync>;

/// Any error, with the line on which `?` made it the test's own.
///
/// It takes every [`std::error::Error`], `String`, `&str`, and the error types of `anyhow` and `eyre`. Like those, it does
/// not implement [`std::error::Error`] itself: that is what lets `?` accept everything.
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
    location: &'static Location<'static>,
}

impl Error {
    /// An error that is only a message.
    #[must_use]
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self::from(message.into())
    }

    /// An error of code that knows on whose behalf it runs, such as a client's.
    #[must_use]
    pub fn at(message: impl Into<String>, location: &'static Location<'static>) -> Self {
        Self { inner: message.into().into(), location }
    }

    /// The wrapped error.
    #[must_use]
    pub fn inner(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self.inner.as_ref()
    }

    /// Message, causes and place, for a report.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        Problem {
            message: self.to_string(),
            location: Some(SourceLocation::new(self.location.to_string())),
            backtrace: None,
        }
    }
}

impl<E: Into<BoxedError>> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { inner: error.into(), location: Location::caller() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&chain(self.inner.as_ref()))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self} (at {})", self.location)
    }
}

/// An error and its causes in one line; a cause whose text its parent repeats already is left out.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
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
    fn a_question_mark_keeps_the_causes_and_its_line() {
        let problem = fails().unwrap_err().to_problem();
        assert_eq!(problem.message, "cannot read the menu: invalid digit found in string");
        let place = problem.location.unwrap();
        assert!(place.as_str().contains("error.rs:"), "{place}");
    }

    #[test]
    fn text_is_an_error_too() {
        let error: Error = "out of milk".into();
        assert_eq!(error.to_string(), "out of milk");
        assert_eq!(Error::new("late").to_string(), "late");
    }
}
