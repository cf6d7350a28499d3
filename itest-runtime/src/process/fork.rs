//! A test that forks may let the child return: it would go on as the harness, with the sockets of its parent.

use std::ffi::c_int;
use std::io::Write;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::Outcome;

/// What a child ends with in which the test failed.
const TEST_FAILED: c_int = 101;

/// Whether this process is a copy that a test made of the harness's.
static IS_FORKED: AtomicBool = AtomicBool::new(false);

/// From now on, copies of this process know that they are copies.
pub(crate) fn notice_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where the C library takes no more functions, a copy goes unnoticed.
        let _ = c::at_fork();
    });
}

/// Whether this process is a copy that a test made.
#[must_use]
pub(crate) fn is_forked_child() -> bool {
    IS_FORKED.load(Ordering::Relaxed)
}

/// Ends this process here if it is a copy: the test, its teardown and all tests after it are its parent's.
pub(crate) fn end_forked_child(outcome: Outcome) {
    if is_forked_child() {
        let _ = std::io::stderr()
            .write_all(b"itest: a process that the test forked reached the end of the test or of a fixture; itest ended that process\n");
        c::leave(if outcome.is_success() { 0 } else { TEST_FAILED });
    }
}

#[expect(unsafe_code, reason = "only C tells of forks, and ends a process without running what its parent registered")]
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

    pub(super) fn leave(code: c_int) -> ! {
        // SAFETY: the call has no conditions.
        unsafe { libc::_exit(code) }
    }
}
