//! Ends child processes that a test has forked and that return from the test. Such a child would otherwise continue as a second
//! harness, with the sockets of its parent.

use std::ffi::c_int;
use std::io::Write;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::Outcome;

/// The exit code of a forked child in which the test failed.
const TEST_FAILED: c_int = 101;

/// Whether this process is a forked child of a worker.
static IS_FORKED: AtomicBool = AtomicBool::new(false);

/// Registers a handler that sets [`IS_FORKED`] in each forked child.
pub(crate) fn notice_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // If the C library cannot register another handler, forked children are not detected.
        let _ = c::at_fork();
    });
}

/// Whether this process is a child that a test has forked.
#[must_use]
pub(crate) fn is_forked_child() -> bool {
    IS_FORKED.load(Ordering::Relaxed)
}

/// Ends this process if it is a forked child. Only the parent runs the rest of the test, its teardown, and the tests after it.
pub(crate) fn end_forked_child(outcome: Outcome) {
    if is_forked_child() {
        let _ = std::io::stderr()
            .write_all(b"itest: a process that the test forked reached the end of the test or of a fixture; itest ended that process\n");
        c::exit_immediately(if outcome.is_success() { 0 } else { TEST_FAILED });
    }
}

#[expect(
    unsafe_code,
    reason = "only the C library reports forks, and can end a process without its parent's exit handlers"
)]
mod c {
    use std::ffi::c_int;
    use std::sync::atomic::Ordering;

    pub(super) fn at_fork() -> c_int {
        extern "C" fn in_child() {
            super::IS_FORKED.store(true, Ordering::Relaxed);
        }
        // SAFETY: the function lives as long as the process, and storing to an atomic is allowed after a fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) }
    }

    pub(super) fn exit_immediately(code: c_int) -> ! {
        // SAFETY: `_exit` has no preconditions.
        unsafe { libc::_exit(code) }
    }
}
