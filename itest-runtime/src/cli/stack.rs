//! The stack size of tests: the value of `RUST_MIN_STACK`, as under libtest, or the size of a main thread's stack.

use super::variable::variable;
use crate::model::HarnessError;

/// The stack size that the variable requests, in bytes. None if the variable is not set or is not a number.
pub(super) fn requested_stack() -> Option<usize> {
    variable("RUST_MIN_STACK")?.parse().ok()
}

/// Runs a worker on a thread with the requested stack size, or on this thread if none is requested.
///
/// # Errors
///
/// The error of the work, or an error if the thread cannot be started.
pub(super) fn on_test_stack<W>(work: W) -> Result<(), HarnessError>
where
    W: FnOnce() -> Result<(), HarnessError> + Send,
{
    let Some(bytes) = requested_stack() else { return work() };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("itest-worker".to_owned()).stack_size(bytes);
        let started = thread.spawn_scoped(scope, work);
        let what = format!("start a thread with a stack of {bytes} bytes, as RUST_MIN_STACK asks for");
        match started.map_err(HarnessError::io(what))?.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
