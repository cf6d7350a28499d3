//! The futures of the user's functions, and sync functions in the async harness.

use std::future::poll_fn;
use std::pin::Pin;

use tokio::task::block_in_place;

/// A future that stays on the thread that runs the test.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// The future of a user's async function, before it is pinned.
///
/// An expansion creates this type and not a [`LocalFuture`], because the compiler would instantiate four small functions of `Pin` for
/// each test.
pub type BoxedFuture<'a, T> = Box<dyn Future<Output = T> + 'a>;

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
