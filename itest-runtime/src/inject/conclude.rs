//! The types that a test, a fixture or a teardown step may return.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt::Display;
use std::marker::PhantomData;

use super::error::{Error, chain};
use super::sync::{BoxedFuture, LocalFuture};
use crate::model::Problem;

/// The return type of a test, an invariant or a teardown step: `()` or `Result<(), E>` for any displayable error.
#[diagnostic::on_unimplemented(
    message = "a test, an invariant or a step of teardown returns `()` or `Result<(), E>`, not `{Self}`",
    label = "cannot be judged as passed or failed",
    note = "`E` is any type that implements `Display`; `itest::Result` accepts every error with `?`"
)]
pub trait Conclude {
    /// Returns `Ok` if the test or step passed, or else the problem.
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

/// The return type of a `#[fixture]` function: `T` or `Result<T, E>` for any displayable error.
#[diagnostic::on_unimplemented(
    message = "a fixture of type `{T}` cannot be made from `{Self}`",
    label = "expected `{T}` or `Result<{T}, E>` where `E` implements `Display`"
)]
pub trait FixtureReturn<T> {
    /// Returns the fixture's value, or the error.
    ///
    /// # Errors
    ///
    /// The error that the fixture returned.
    fn into_value(self) -> Result<T, Error>;
}

impl<T> FixtureReturn<T> for T {
    fn into_value(self) -> Result<T, Error> {
        Ok(self)
    }
}

impl<T, E: Display + 'static> FixtureReturn<T> for Result<T, E> {
    fn into_value(self) -> Result<T, Error> {
        self.map_err(|error| match (Box::new(error) as Box<dyn Any>).downcast::<Error>() {
            Ok(error) => *error,
            Err(error) => match error.downcast::<E>() {
                Ok(error) => Error::without_location(problem(&*error).message),
                Err(_) => Error::without_location("an error of unknown type"),
            },
        })
    }
}

/// Awaits a test function, and turns the value that it returns into the result of the test. [`ReturnType`](super::ReturnType)
/// gives the conversion that comes first.
#[must_use]
pub fn concluded<'a, R: 'a, C: Conclude + 'a>(
    conversion: fn(R) -> C,
    body: BoxedFuture<'a, R>,
) -> LocalFuture<'a, Result<(), Problem>> {
    Box::pin(async move { conversion(Box::into_pin(body).await).conclude() })
}

/// The setup of a fixture of type `T`. It erases the type of the value.
#[derive(Debug)]
pub struct SetupOf<T>(PhantomData<T>);

impl<T: 'static> SetupOf<T> {
    /// Awaits the fixture function, and returns its value. [`ReturnType`](super::ReturnType) gives the conversion that comes
    /// first.
    #[must_use]
    pub fn future<'a, R: 'a, C: FixtureReturn<T> + 'a>(
        conversion: fn(R) -> C,
        setup: BoxedFuture<'a, R>,
    ) -> LocalFuture<'a, Result<Box<dyn Any>, Error>> {
        Box::pin(async move { Self::value(conversion(Box::into_pin(setup).await)) })
    }

    /// The value that the fixture function returned, after its conversion.
    ///
    /// # Errors
    ///
    /// The error that the fixture function returned.
    pub fn value(returned: impl FixtureReturn<T>) -> Result<Box<dyn Any>, Error> {
        returned.into_value().map(|value| Box::new(value) as Box<dyn Any>)
    }
}

/// Describes an error of an unknown type. Only [`Error`] has a location. The causes of boxed errors are known; any other error is
/// formatted with `{:#}`, which includes the causes of anyhow's and eyre's errors. [`ReturnType`](super::ReturnType) knows more,
/// because a macro's expansion knows the type.
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
    fn error_of_fixture_keeps_its_location() {
        let failed: Result<u8, Error> = Err::<u8, _>(Error::new("no port")).into_value();
        assert!(failed.unwrap_err().to_problem().location.is_some());
        let value: Result<u8, Error> = 7_u8.into_value();
        assert_eq!(value.unwrap(), 7);
    }
}
