//! What a test, a fixture or a teardown step may return.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt::Display;

use super::error::{Error, chain};
use crate::model::Problem;

/// The end of a test or of a teardown step: `()` or `Result<(), E>` for any displayable error.
#[diagnostic::on_unimplemented(
    message = "a test or a step of teardown returns `()` or `Result<(), E>`, not `{Self}`",
    label = "cannot be judged as passed or failed",
    note = "`E` is any type that implements `Display`; `itest::Result` accepts every error with `?`"
)]
pub trait Conclude {
    /// Passed, or why not.
    ///
    /// # Errors
    ///
    /// The problem to report.
    fn conclude(self) -> Result<(), Problem>;
}

#[diagnostic::do_not_recommend]
impl Conclude for () {
    fn conclude(self) -> Result<(), Problem> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Display + 'static> Conclude for Result<(), E> {
    fn conclude(self) -> Result<(), Problem> {
        self.map_err(|error| problem(&error))
    }
}

/// What a `#[fixture]` function returns: `T` or `Result<T, E>` for any displayable error.
#[diagnostic::on_unimplemented(
    message = "a fixture of type `{T}` cannot be made from `{Self}`",
    label = "expected `{T}` or `Result<{T}, E>` where `E` implements `Display`"
)]
pub trait Made<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    ///
    /// The error that the fixture returned.
    fn made(self) -> Result<T, Error>;
}

impl<T> Made<T> for T {
    fn made(self) -> Result<T, Error> {
        Ok(self)
    }
}

impl<T, E: Display + 'static> Made<T> for Result<T, E> {
    fn made(self) -> Result<T, Error> {
        self.map_err(|error| match (Box::new(error) as Box<dyn Any>).downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => match error.downcast::<E>() {
                Ok(error) => Error::without_location(problem(&*error).message),
                Err(_) => Error::without_location("an error of unknown type"),
            },
        })
    }
}

/// A fixture's value without its type.
///
/// # Errors
///
/// The error that the fixture returned.
pub fn made<T: 'static>(returned: impl Made<T>) -> Result<Box<dyn Any>, Error> {
    returned.made().map(|value| Box::new(value) as Box<dyn Any>)
}

/// What an error can tell where its type is not known: its causes and its location if it is [`Error`] or a boxed error, else
/// its text. Where a macro's expansion knows the type, [`Returned`](super::Returned) reads more errors.
fn problem<E: Display + 'static>(error: &E) -> Problem {
    let any: &dyn Any = error;
    if let Some(error) = any.downcast_ref::<Error>() {
        return error.to_problem();
    }
    if let Some(error) = any.downcast_ref::<Box<dyn StdError + Send + Sync>>() {
        return Problem::new(chain(error.as_ref()));
    }
    if let Some(error) = any.downcast_ref::<Box<dyn StdError + Send>>() {
        return Problem::new(chain(error.as_ref()));
    }
    if let Some(error) = any.downcast_ref::<Box<dyn StdError>>() {
        return Problem::new(chain(error.as_ref()));
    }
    // The alternate form prints the causes of `anyhow` and `eyre` errors.
    Problem::new(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_displayable_error_fails_a_test() {
        assert_eq!(Err::<(), _>("no").conclude(), Err(Problem::new("no")));
        assert_eq!(Err::<(), _>(404_u16).conclude(), Err(Problem::new("404")));
        let boxed: Box<dyn StdError> = "boxed".into();
        assert_eq!(Err::<(), _>(boxed).conclude(), Err(Problem::new("boxed")));
        assert_eq!(().conclude(), Ok(()));
    }

    #[test]
    fn a_fixture_keeps_the_place_of_its_error() {
        let made: Result<u8, Error> = Err::<u8, _>(Error::new("no port")).made();
        assert!(made.unwrap_err().to_problem().location.is_some());
        let made: Result<u8, Error> = 7_u8.made();
        assert_eq!(made.unwrap(), 7);
    }
}
