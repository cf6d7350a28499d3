//! Converts a returned error by the traits that its type implements. A macro's expansion knows the type; generic code does not.

use std::convert::identity;
use std::error::Error as StdError;
use std::marker::PhantomData;
use std::ops::Deref;

use super::error::{BoxedError, Error, chain};
use super::sync::BoxedFuture;

/// The return type of a test, fixture or teardown function.
///
/// Four types have a method with the name [`itest_conversion`](Self::itest_conversion), and each dereferences to the next:
/// [`ReturnType`] for errors that become a boxed [`std::error::Error`], then `NotSendable`, `Pointer` and `Unchanged`. The
/// compiler looks the method up in this order and takes the first whose bounds hold. This is specialization by method lookup,
/// as in `anyhow!`; it works only where the error's type is known. The method's name is unusual, so that it does not clash with
/// a method of a trait that a suite imports.
#[derive(Debug)]
pub struct ReturnType<R>(NotSendable<R>);

/// The next type after [`ReturnType`]: for an [`std::error::Error`] that cannot be sent to another thread.
#[derive(Debug)]
pub struct NotSendable<R>(Pointer<R>);

/// The next type after [`NotSendable`]: for a pointer to an [`std::error::Error`], such as `Box<dyn Error>`.
#[derive(Debug)]
pub struct Pointer<R>(Unchanged<R>);

/// The next type after [`Pointer`]: for every other value.
#[derive(Debug)]
pub struct Unchanged<R>(PhantomData<R>);

impl<R> ReturnType<R> {
    /// The type of a value that a function returned.
    #[must_use]
    pub const fn of(_: &R) -> Self {
        Self(NotSendable(Pointer(Unchanged(PhantomData))))
    }

    /// The type of the value that an async function will return.
    #[must_use]
    pub const fn of_future(_: &BoxedFuture<'_, R>) -> Self {
        Self(NotSendable(Pointer(Unchanged(PhantomData))))
    }
}

impl<T, E: Into<BoxedError>> ReturnType<Result<T, E>> {
    /// The conversion of a returned value, in which an error keeps its causes.
    #[must_use]
    pub fn itest_conversion(&self) -> fn(Result<T, E>) -> Result<T, Error> {
        |returned| returned.map_err(Error::without_location)
    }
}

#[expect(clippy::unused_self, reason = "the type of `self` selects the method")]
impl<T, E: StdError + 'static> NotSendable<Result<T, E>> {
    /// Like [`ReturnType::itest_conversion`], but keeps only the text of the causes.
    #[must_use]
    pub fn itest_conversion(&self) -> fn(Result<T, E>) -> Result<T, Error> {
        |returned| returned.map_err(|error| Error::without_location(chain(&error)))
    }
}

#[expect(clippy::unused_self, reason = "the type of `self` selects the method")]
impl<T, E: Deref<Target: StdError>> Pointer<Result<T, E>> {
    /// Like [`ReturnType::itest_conversion`], but keeps only the text of the causes.
    #[must_use]
    pub fn itest_conversion(&self) -> fn(Result<T, E>) -> Result<T, Error> {
        |returned| returned.map_err(|error| Error::without_location(chain(&*error)))
    }
}

#[expect(clippy::unused_self, reason = "the type of `self` selects the method")]
impl<R> Unchanged<R> {
    /// The conversion that returns the value unchanged.
    #[must_use]
    pub fn itest_conversion(&self) -> fn(R) -> R {
        identity
    }
}

/// Lets each type dereference to the type that it wraps.
macro_rules! dereference {
    ($($outer:ident => $inner:ident)*) => {$(
        impl<R> Deref for $outer<R> {
            type Target = $inner<R>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}

dereference! {
    ReturnType => NotSendable
    NotSendable => Pointer
    Pointer => Unchanged
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display, Formatter};
    use std::rc::Rc;
    use std::sync::Arc;

    use super::*;
    use crate::inject::conclude::{Conclude, SetupOf};

    #[derive(Debug, thiserror::Error)]
    #[error("the shop is closed")]
    struct Closed {
        source: std::num::ParseIntError,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{who} cannot pay")]
    struct NotSend {
        who: Rc<str>,
        source: Closed,
    }

    /// Like the errors of anyhow and eyre: no `std::error::Error` itself, but it becomes one in a box.
    struct Report(Closed);

    impl Display for Report {
        fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "{}", self.0)
        }
    }

    impl From<Report> for BoxedError {
        fn from(report: Report) -> Self {
            report.0.into()
        }
    }

    fn closed() -> Closed {
        Closed { source: "x".parse::<u8>().unwrap_err() }
    }

    fn not_send() -> NotSend {
        NotSend { who: "Emma".into(), source: closed() }
    }

    const CHAIN: &str = "the shop is closed: invalid digit found in string";

    /// A returned value after its conversion. A macro and not a function, because the error's type must be known.
    macro_rules! converted {
        ($returned:expr) => {{
            let returned = $returned;
            ReturnType::of(&returned).itest_conversion()(returned)
        }};
    }

    /// The message that a test and a fixture report for an error. A macro and not a function, because the error's type must be known.
    macro_rules! message {
        ($error:expr) => {{
            let test = converted!(Err::<(), _>($error)).conclude().unwrap_err();
            let fixture = SetupOf::<u8>::value(converted!(Err::<u8, _>($error))).unwrap_err().to_problem();
            assert_eq!(test, fixture);
            assert_eq!(test.location, None);
            test.message
        }};
    }

    #[test]
    fn error_of_its_own_type_keeps_its_causes() {
        assert_eq!(message!(closed()), CHAIN);
        assert_eq!(message!(not_send()), format!("Emma cannot pay: {CHAIN}"));
        assert_eq!(message!(Report(closed())), CHAIN);
    }

    #[test]
    fn error_behind_a_pointer_keeps_its_causes() {
        assert_eq!(message!(Box::new(closed())), CHAIN);
        assert_eq!(message!(Rc::new(closed())), CHAIN);
        assert_eq!(message!(Arc::<dyn StdError>::from(Box::<dyn StdError>::from(closed()))), CHAIN);
        assert_eq!(message!(Box::<dyn StdError>::from(closed())), CHAIN);
        assert_eq!(message!(Box::new(closed()) as Box<dyn StdError + Send>), CHAIN);
        assert_eq!(message!(BoxedError::from(closed())), CHAIN);
    }

    #[test]
    fn value_that_is_no_error_is_reported_as_text() {
        assert_eq!(message!("no"), "no");
        assert_eq!(message!("no".to_owned()), "no");
        assert_eq!(message!(404_u16), "404");
        assert_eq!(message!(Rc::<str>::from("no")), "no");
    }

    #[test]
    fn error_of_itest_keeps_its_location() {
        let problem = converted!(Err::<(), _>(Error::from(closed()))).conclude().unwrap_err();
        assert_eq!(problem.message, CHAIN);
        assert!(problem.location.is_some_and(|location| location.as_str().contains("return_type.rs")));
    }

    #[test]
    fn fixture_keeps_the_source_of_its_error() {
        let error = SetupOf::<u8>::value(converted!(Err::<u8, _>(closed()))).unwrap_err();
        assert!(error.inner().is::<Closed>());
    }

    #[test]
    fn value_without_error_is_returned() {
        assert_eq!(converted!(Ok::<(), Closed>(())).conclude(), Ok(()));
        assert_eq!(*SetupOf::<u8>::value(converted!(7_u8)).unwrap().downcast::<u8>().unwrap(), 7);
        assert_eq!(*SetupOf::<u8>::value(converted!(Ok::<u8, NotSend>(7))).unwrap().downcast::<u8>().unwrap(), 7);
    }
}
