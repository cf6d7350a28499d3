//! Resets ignored signals for suites, so that they behave the same if these tests run under `nohup` or in the background.
#![expect(unsafe_code, reason = "only between fork and exec can a process be given other signals")]

use std::ffi::c_int;
use std::os::unix::process::CommandExt;
use std::process::Command;

// SAFETY: it is part of every C library, with this signature.
unsafe extern "C" {
    safe fn signal(signal: c_int, handler: usize) -> usize;
}

const SIG_DFL: usize = 0;
const SIGHUP: c_int = 1;
const SIGINT: c_int = 2;
const SIGQUIT: c_int = 3;

/// Makes the program start with the default actions of the signals that a shell may have ignored.
pub fn with_default_signals(command: &mut Command) -> &mut Command {
    let reset = || {
        for number in [SIGHUP, SIGINT, SIGQUIT] {
            signal(number, SIG_DFL);
        }
        Ok(())
    };
    // SAFETY: `signal` is allowed between fork and exec.
    unsafe { command.pre_exec(reset) }
}
