//! Sync functions among async ones.

use std::future::poll_fn;
use std::pin::Pin;

/// A future that stays on the thread that runs the test.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// How a function of the user's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionKind {
    /// It awaits.
    Async,
    /// It may block its thread, and may enter a runtime of its own.
    Sync,
}

/// Awaits a future that calls a function of the user's; a sync one runs where blocking is allowed.
///
/// There it may block, use a blocking client, or enter a runtime of its own.
pub(crate) async fn poll_by_kind<F: Future + ?Sized>(kind: FunctionKind, mut future: Pin<&mut F>) -> F::Output {
    match kind {
        FunctionKind::Async => future.await,
        FunctionKind::Sync => poll_fn(|context| tokio::task::block_in_place(|| future.as_mut().poll(context))).await,
    }
}
