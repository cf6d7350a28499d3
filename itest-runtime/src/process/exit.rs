//! Detects a test that calls `exit` in the process that reports its result. Without this, a test could end the process with
//! exit code 0, and the run would look successful.

use std::ffi::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code of a process that a test has ended.
const TESTS_FAILED: c_int = 101;

/// Whether a call of `exit` is a failure, because a test may be running.
static IS_GUARDED: AtomicBool = AtomicBool::new(false);

/// Makes every call of `exit` a failure from now on.
pub(crate) fn guard_exit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // If the C library cannot register another handler, `exit` is not detected.
        let _ = c_exit::at_exit();
    });
    IS_GUARDED.store(true, Ordering::Relaxed);
}

/// Allows `exit` again, after the last test.
pub(crate) fn release_exit() {
    IS_GUARDED.store(false, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "exit handlers can be registered only through the C library")]
mod c_exit {
    use std::ffi::c_int;
    use std::io::Write;
    use std::sync::atomic::Ordering;

    pub(super) fn at_exit() -> c_int {
        // SAFETY: the function lives as long as the process.
        unsafe { libc::atexit(fail_if_guarded) }
    }

    extern "C" fn fail_if_guarded() {
        if super::IS_GUARDED.load(Ordering::Relaxed) {
            let _ =
                std::io::stderr().write_all(b"itest: the test ended its process by calling `exit`; it has failed\n");
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(super::TESTS_FAILED) };
        }
    }
}
