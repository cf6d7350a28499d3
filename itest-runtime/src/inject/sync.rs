//! The user's functions: async, or sync in the async harness.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;

use tokio::task::block_in_place;

use super::slot::Inputs;

/// A future that stays on the thread that runs the test.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The future of a user's async function, before it is pinned.
///
/// An expansion creates this type and not a [`LocalFuture`], because the compiler would translate four small functions of `Pin` again
/// for each test.
pub type BoxedFuture<'a, T> = Box<dyn Future<Output = T> + 'a>;

/// The call of a user's test or fixture function.
pub enum Function<R> {
    /// The function awaits and does not block its thread.
    Async(for<'a> fn(&'a mut Inputs) -> LocalFuture<'a, R>),
    /// The function may block its thread and may enter a runtime of its own.
    Sync(for<'a> fn(&'a mut Inputs) -> R),
    /// Like [`Self::Sync`], but the values of its case may await.
    SyncWithData(for<'a> fn(&'a mut Inputs) -> LocalFuture<'a, R>),
}

impl<R: 'static> Function<R> {
    /// Calls the function. A sync function is called where tokio allows blocking, so that it may use a blocking client or enter a
    /// runtime of its own.
    pub(crate) fn call<'a>(&self, inputs: &'a mut Inputs) -> LocalFuture<'a, R> {
        match *self {
            Self::Async(function) => function(inputs),
            Self::Sync(function) => Box::pin(async move { block_in_place(|| function(inputs)) }),
            Self::SyncWithData(function) => {
                let mut future = function(inputs);
                Box::pin(poll_fn(move |context| block_in_place(|| future.as_mut().poll(context))))
            }
        }
    }
}

impl<R> fmt::Debug for Function<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if matches!(self, Self::Async(_)) { "async fn" } else { "fn" })
    }
}

/// How a teardown function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// The function awaits and does not block its thread.
    Async,
    /// The function may block its thread and may enter a runtime of its own.
    Sync,
}

/// Awaits a future that calls a function of the user. A sync function is called where tokio allows blocking.
pub(crate) async fn poll_by_kind<F: Future + ?Sized>(kind: FunctionKind, mut future: Pin<&mut F>) -> F::Output {
    match kind {
        FunctionKind::Async => future.await,
        FunctionKind::Sync => poll_fn(|context| block_in_place(|| future.as_mut().poll(context))).await,
    }
}
