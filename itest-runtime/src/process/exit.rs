//! A test that calls `exit` in the process that reports on it would end with whatever code it likes. Not so.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a process ends with whose test ended it.
const TESTS_FAILED: c_int = 101;

/// Whether a test may be running.
static GUARDED: AtomicBool = AtomicBool::new(false);

/// From now on, `exit` is a failure.
pub(crate) fn guard_exit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where the C library takes no more functions, `exit` goes unnoticed.
        let _ = c_exit::at_exit();
    });
    GUARDED.store(true, Ordering::Relaxed);
}

/// The tests are over: the process may end as it likes.
pub(crate) fn release_exit() {
    GUARDED.store(false, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "only C can say that a process is ending")]
mod c_exit {
    use std::ffi::c_int;
    use std::io::Write;
    use std::sync::atomic::Ordering;

    pub(super) fn at_exit() -> c_int {
        // SAFETY: the function lives as long as the process.
        unsafe { libc::atexit(judge) }
    }

    extern "C" fn judge() {
        if super::GUARDED.load(Ordering::Relaxed) {
            let _ =
                std::io::stderr().write_all(b"itest: the test ended its process by calling `exit`; it has failed\n");
            // SAFETY: the call has no conditions.
            unsafe { libc::_exit(super::TESTS_FAILED) };
        }
    }
}
