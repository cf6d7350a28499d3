//! Guards: user code runs under one, and its panic becomes a value; a skip travels the same way.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::task::Poll;

use super::hook::restore_hook;
use super::own_stack::{OwnStack, payload_text};
use super::{background, pending};
use crate::model::Problem;

/// Why a guarded future did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caught {
    /// It panicked.
    Panic(Problem),
    /// It asked to be skipped, for this reason.
    Skip(String),
}

struct SkipRequest(String);

/// Leaves the test, which is then reported as skipped; see `itest::skip!`.
pub fn skip(reason: String) -> ! {
    panic::resume_unwind(Box::new(SkipRequest(reason)))
}

/// Runs a future; a panic inside becomes a value.
///
/// # Errors
///
/// What was caught.
///
/// # Cancel safety
///
/// As that of the future.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Caught> {
    let mut future = pin!(future);
    poll_fn(move |context| match catch_panic(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(caught) => Poll::Ready(Err(caught)),
    })
    .await
}

/// Runs a function; a panic inside becomes a value.
///
/// # Errors
///
/// What was caught.
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
            let seen = pending::take(&message).or_else(|| background::take_resumed(&message));
            Caught::Panic(seen.unwrap_or_else(|| Problem::new(message)))
        }
    }
}
