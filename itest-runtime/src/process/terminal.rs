//! Gives the terminal of the run to one worker at a time.
//!
//! Each worker has its own process group, so that Ctrl-C reaches only the supervisor. The workers are therefore in the
//! background of the terminal, and the system stops a worker when its test, or a program that the test started, reads from the
//! terminal or changes its settings. As a shell does with its jobs, the supervisor then puts that worker into the foreground
//! and continues it.

use std::fs::{File, OpenOptions};

use rustix::process::{Pid, Signal, getpgrp, kill_process_group};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::identity::to_pid;
use super::signals::with_blocked_signal;

/// The terminal of the run, and the worker that is in its foreground.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    lent: Option<Lent>,
}

#[derive(Debug)]
struct Lent {
    terminal: File,
    group: Pid,
    /// The earlier settings of the terminal, such as echo, line editing and control characters.
    settings: Option<Termios>,
}

/// The reason why a worker cannot get the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLent {
    /// Another worker has the terminal and will give it back.
    InUse,
    /// The run has no terminal, or is in the background of its terminal.
    Unavailable,
}

impl Terminal {
    /// Whether the signal is one with which the system stops a background process that uses the terminal.
    #[must_use]
    pub(crate) fn is_stop_signal(signal: i32) -> bool {
        signal == libc::SIGTTIN || signal == libc::SIGTTOU
    }

    /// Puts the process group of a worker into the foreground, and continues the group.
    ///
    /// # Errors
    ///
    /// When another worker has the terminal, or when the run has no terminal that it could give away.
    pub(crate) fn lend(&mut self, worker: u32) -> Result<(), NotLent> {
        let group = to_pid(worker).ok_or(NotLent::Unavailable)?;
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
        self.lent.as_ref().is_some_and(|lent| Some(lent.group) == to_pid(worker))
    }

    /// Takes the terminal back if the worker has it. Returns whether the worker had it.
    pub(crate) fn take_back_from(&mut self, worker: u32) -> bool {
        let is_lent = self.is_lent_to(worker);
        if is_lent {
            self.take_back();
        }
        is_lent
    }

    /// Takes the terminal back and restores its settings, because a killed test cannot do that, for example turn echo on again.
    fn take_back(&mut self) {
        let Some(Lent { terminal, settings, .. }) = self.lent.take() else { return };
        // This process is in the background now. Without the blocked signal, the system would stop it here.
        with_blocked_signal(libc::SIGTTOU, || {
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
