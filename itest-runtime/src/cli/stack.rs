//! How much stack tests have: what `RUST_MIN_STACK` asks for, as under libtest, or as much as a main thread has.

use super::variable::variable;
use crate::model::HarnessError;

/// Bytes of stack that the main thread of a process has nearly everywhere; other threads have a quarter of it.
pub(super) const MAIN_THREAD_STACK: usize = 8 << 20;

/// Bytes of stack that the variable asks for; none if it is not set, or is no number.
pub(super) fn wanted_stack() -> Option<usize> {
    variable("RUST_MIN_STACK")?.parse().ok()
}

/// Does a worker's work where tests have the stack that they are to have: on this thread, unless the variable asks for more or less.
///
/// # Errors
///
/// Those of the work, or the system has no memory for such a stack.
pub(super) fn on_stack_of_tests<W>(work: W) -> Result<(), HarnessError>
where
    W: FnOnce() -> Result<(), HarnessError> + Send,
{
    let Some(bytes) = wanted_stack() else { return work() };
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
