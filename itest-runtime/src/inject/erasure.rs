//! Runs and starts futures whose types are erased.
//!
//! tokio's `block_on` and `spawn` are generic over the future. For each type of future, the compiler instantiates about 50 functions for
//! `block_on` and about 170 for `spawn`, in the binary of each suite. With erased types, one instance is enough.

use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// A future that any thread may run.
pub(crate) type SendFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Erases the type of a future.
pub(crate) fn boxed<T>(future: impl Future<Output = T> + Send + 'static) -> SendFuture<T> {
    Box::pin(future)
}

/// Runs a future on a runtime until it ends, and drives the runtime if that has no threads of its own.
#[expect(clippy::expect_used, reason = "the future that assigns the output has ended")]
pub(crate) fn block_on<F: Future>(runtime: &Runtime, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut output = None;
    let ended = pin!(std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => {
            output = Some(value);
            Poll::Ready(())
        }
        Poll::Pending => Poll::Pending,
    }));
    runtime.block_on(ended as Pin<&mut dyn Future<Output = ()>>);
    output.expect("a future that has ended has an output")
}

/// Starts a task on the current runtime.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(boxed(future))
}
