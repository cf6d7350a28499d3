//! Converts a returned error by the traits that its type implements. A macro's expansion knows the type; generic code does not.

use std::error::Error as StdError;
use std::ops::{Deref, DerefMut};

use super::error::{BoxedError, Error, chain};

/// The value that a test, fixture or teardown function returned.
///
/// Its method [`itest_with_causes`](Self::itest_with_causes) is for errors that become a boxed [`std::error::Error`]. It
/// dereferences to a type that has the same method for other errors, and so on. The compiler calls the first method whose
/// bounds hold. This is specialization by method lookup, as in `anyhow!`; it works only where the error's type is known. The
/// method's name is unusual, so that it does not clash with a method of a trait that a suite imports.
#[derive(Debug)]
pub struct ReturnValue<R>(NotSendable<R>);

/// The next type after [`ReturnValue`]: for an [`std::error::Error`] that cannot be sent to another thread.
#[derive(Debug)]
pub struct NotSendable<R>(Pointer<R>);

/// The next type after [`NotSendable`]: for a pointer to an [`std::error::Error`], such as `Box<dyn Error>`.
#[derive(Debug)]
pub struct Pointer<R>(Unchanged<R>);

/// The next type after [`Pointer`]: for every other value.
#[derive(Debug)]
pub struct Unchanged<R>(Option<R>);

impl<R> ReturnValue<R> {
    /// Wraps a returned value.
    pub const fn of(returned: R) -> Self {
        Self(NotSendable(Pointer(Unchanged(Some(returned)))))
    }
}

impl<T, E: Into<BoxedError>> ReturnValue<Result<T, E>> {
    /// Returns the value, or an error that keeps its causes.
    ///
    /// # Errors
    ///
    /// The error that was returned.
    pub fn itest_with_causes(&mut self) -> Result<T, Error> {
        self.take().map_err(Error::without_location)
    }
}

impl<T, E: StdError + 'static> NotSendable<Result<T, E>> {
    /// Like [`ReturnValue::itest_with_causes`], but keeps only the text of the causes.
    ///
    /// # Errors
    ///
    /// The error that was returned.
    pub fn itest_with_causes(&mut self) -> Result<T, Error> {
        self.take().map_err(|error| Error::without_location(chain(&error)))
    }
}

impl<T, E: Deref<Target: StdError>> Pointer<Result<T, E>> {
    /// Like [`ReturnValue::itest_with_causes`], but keeps only the text of the causes.
    ///
    /// # Errors
    ///
    /// The error that was returned.
    pub fn itest_with_causes(&mut self) -> Result<T, Error> {
        self.take().map_err(|error| Error::without_location(chain(&*error)))
    }
}

impl<R> Unchanged<R> {
    /// Returns the value unchanged.
    pub fn itest_with_causes(&mut self) -> R {
        self.take()
    }

    #[expect(clippy::expect_used, reason = "an expansion calls one of the methods, and calls it once")]
    fn take(&mut self) -> R {
        self.0.take().expect("the returned value is taken once")
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

        impl<R> DerefMut for $outer<R> {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.0
            }
        }
    )*};
}

dereference! {
    ReturnValue => NotSendable
    NotSendable => Pointer
    Pointer => Unchanged
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display, Formatter};
    use std::rc::Rc;
    use std::sync::Arc;

    use super::*;
    use crate::inject::conclude::{Conclude, erased_value};

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

    /// The message that a test and a fixture report for an error. A macro and not a function, because the error's type must be known.
    macro_rules! message {
        ($error:expr) => {{
            let test = ReturnValue::of(Err::<(), _>($error)).itest_with_causes().conclude().unwrap_err();
            let fixture =
                erased_value::<u8>(ReturnValue::of(Err::<u8, _>($error)).itest_with_causes()).unwrap_err().to_problem();
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
        let problem = ReturnValue::of(Err::<(), _>(Error::from(closed()))).itest_with_causes().conclude().unwrap_err();
        assert_eq!(problem.message, CHAIN);
        assert!(problem.location.is_some_and(|location| location.as_str().contains("return_value.rs")));
    }

    #[test]
    fn fixture_keeps_the_source_of_its_error() {
        let error = erased_value::<u8>(ReturnValue::of(Err::<u8, _>(closed())).itest_with_causes()).unwrap_err();
        assert!(error.inner().is::<Closed>());
    }

    #[test]
    fn value_without_error_is_returned() {
        assert_eq!(ReturnValue::of(Ok::<(), Closed>(())).itest_with_causes().conclude(), Ok(()));
        assert_eq!(
            *erased_value::<u8>(ReturnValue::of(7_u8).itest_with_causes()).unwrap().downcast::<u8>().unwrap(),
            7
        );
        assert_eq!(
            *erased_value::<u8>(ReturnValue::of(Ok::<u8, NotSend>(7)).itest_with_causes())
                .unwrap()
                .downcast::<u8>()
                .unwrap(),
            7
        );
    }
}
