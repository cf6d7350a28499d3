//! The terminal of a run, lent to one worker at a time.
//!
//! Workers have process groups of their own, so that Ctrl-C reaches the supervisor alone. Therefore they are in the background of the
//! terminal, and the system stops a worker whose test, or a program that the test started, reads or sets the terminal. As a shell
//! does with its jobs, the supervisor then puts that worker into the foreground and continues it.

use std::fs::{File, OpenOptions};

use rustix::process::{Pid, Signal, getpgrp, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::identity::number;
use super::signals::without_signal;

/// The terminal, if the run is in the foreground of one.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    lent: Option<Lent>,
}

#[derive(Debug)]
struct Lent {
    terminal: File,
    group: Pid,
    /// How the terminal was set before: echo, line editing, control characters.
    settings: Option<Termios>,
}

/// Why the terminal cannot be lent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLent {
    /// Another worker has it, and will give it back.
    InUse,
    /// The run has none, or is in the background of it.
    Unavailable,
}

impl Terminal {
    /// Whether the system sends this signal to a process in the background that uses the terminal.
    #[must_use]
    pub(crate) fn is_stop_signal(signal: i32) -> bool {
        signal == libc::SIGTTIN || signal == libc::SIGTTOU
    }

    /// Puts the process group of a worker into the foreground, and continues it.
    ///
    /// # Errors
    ///
    /// When that is not possible, now or ever.
    pub(crate) fn lend(&mut self, worker: u32) -> Result<(), NotLent> {
        let group = number(worker).ok_or(NotLent::Unavailable)?;
        if self.lent.as_ref().is_some_and(|lent| lent.group != group) {
            return Err(NotLent::InUse);
        }
        if self.lent.is_none() {
            let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
            let terminal = opened.map_err(|_| NotLent::Unavailable)?;
            if tcgetpgrp(&terminal) != Ok(getpgrp()) {
                return Err(NotLent::Unavailable);
            }
            let settings = tcgetattr(&terminal).ok();
            tcsetpgrp(&terminal, group).map_err(|_| NotLent::Unavailable)?;
            self.lent = Some(Lent { terminal, group, settings });
        }
        kill_process_group(group, Signal::CONT).map_err(|_| NotLent::Unavailable)
    }

    /// Whether this worker has the terminal.
    #[must_use]
    pub(crate) fn is_lent_to(&self, worker: u32) -> bool {
        self.lent.as_ref().is_some_and(|lent| Some(lent.group) == number(worker))
    }

    /// Takes the terminal back from a worker, if that has it; whether it had.
    pub(crate) fn take_back_from(&mut self, worker: u32) -> bool {
        let has_it = self.is_lent_to(worker);
        if has_it {
            self.take_back();
        }
        has_it
    }

    /// Takes the terminal back, with the settings that it had: a test that was killed cannot turn the echo on again.
    fn take_back(&mut self) {
        let Some(Lent { terminal, settings, .. }) = self.lent.take() else { return };
        // This process is in the background now, and the system would stop it.
        without_signal(libc::SIGTTOU, || {
            let _ = tcsetpgrp(&terminal, getpgrp());
            if let Some(settings) = settings {
                let _ = tcsetattr(&terminal, OptionalActions::Now, &settings);
            }
        });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.take_back();
    }
}
