//! Support for sync test and fixture functions in the async harness.

use std::future::poll_fn;
use std::pin::Pin;

/// A future that stays on the thread that runs the test.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How a function of the user runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// The function awaits and does not block its thread.
    Async,
    /// The function may block its thread and may enter a runtime of its own.
    Sync,
}

/// Awaits a future that calls a function of the user. A sync function is called where tokio allows blocking, so that it may use a
/// blocking client or enter a runtime of its own.
pub(crate) async fn poll_by_kind<F: Future + ?Sized>(kind: FunctionKind, mut future: Pin<&mut F>) -> F::Output {
    match kind {
        FunctionKind::Async => future.await,
        FunctionKind::Sync => poll_fn(|context| tokio::task::block_in_place(|| future.as_mut().poll(context))).await,
    }
}
