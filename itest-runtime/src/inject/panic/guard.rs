//! Guards around user code. A guard turns a panic, or a request to skip the test, into a value.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::task::Poll;

use super::hook::restore_hook;
use super::own_stack::{OwnStack, payload_text};
use super::{background, pending};
use crate::model::Problem;

/// The reason why guarded code did not return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caught {
    /// The code panicked.
    Panic(Problem),
    /// The code requested to skip the test, for this reason.
    Skip(String),
}

struct SkipRequest(String);

/// Ends the test, which is then reported as skipped; see `itest::skip!`.
pub fn skip(reason: String) -> ! {
    panic::resume_unwind(Box::new(SkipRequest(reason)))
}

/// Runs a future, and turns a panic in it into a value.
///
/// # Errors
///
/// The panic or the skip request that was caught.
///
/// # Cancel safety
///
/// The same as that of the future.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Caught> {
    let mut future = pin!(future);
    poll_fn(move |context| match catch_panic(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(caught) => Poll::Ready(Err(caught)),
    })
    .await
}

/// Runs a function, and turns a panic in it into a value.
///
/// # Errors
///
/// The panic or the skip request that was caught.
pub(crate) fn catch_panic<T>(function: impl FnOnce() -> T) -> Result<T, Caught> {
    restore_hook();
    let _guard = OwnStack::begin();
    let result = panic::catch_unwind(AssertUnwindSafe(function)).map_err(caught);
    pending::show_caught_panics();
    result
}

fn caught(payload: Box<dyn Any + Send>) -> Caught {
    match payload.downcast::<SkipRequest>() {
        Ok(request) => Caught::Skip(request.0),
        Err(payload) => {
            let message = payload_text(payload.as_ref());
            let recorded = pending::take(&message).or_else(|| background::take_resumed(&message));
            Caught::Panic(recorded.unwrap_or_else(|| Problem::new(message)))
        }
    }
}
