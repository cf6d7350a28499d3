//! A test or fixture function of the user, as its expansion describes it.

use std::fmt;
use std::future::poll_fn;

use tokio::task::block_in_place;

use super::slot::Inputs;
use super::sync::LocalFuture;

/// How a user's test or fixture function is called.
pub enum Function<R> {
    /// The function awaits and does not block its thread.
    Async(for<'a> fn(&'a mut Inputs) -> LocalFuture<'a, R>),
    /// The function may block its thread and may enter a runtime of its own.
    Sync(for<'a> fn(&'a mut Inputs) -> R),
    /// A sync function with the values of a case. Their expressions may contain `.await`, so that they are evaluated in a future.
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
