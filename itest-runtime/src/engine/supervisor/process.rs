//! The process of a worker, and the force that stops or ends it.

use rustix::process::Signal;
use tokio::process::Child;

use crate::process::{Terminal, is_ended, kill_group, signal_group, signal_in_words, stopped_descendants};

/// After so many checks the supervisor closes the socket of a process that has ended.
const MAX_CHECKS_AFTER_EXIT: u32 = 6;

/// The process of a worker.
#[derive(Debug)]
pub(super) struct WorkerProcess {
    id: u32,
    /// None once another task waits for the end of the process.
    child: Option<Child>,
    /// The signal that has stopped the process, while it is stopped.
    stopped_by: Option<i32>,
    /// How many checks have found the process ended while its socket was open.
    checks_after_exit: u32,
}

impl WorkerProcess {
    /// Wraps a child that has not been waited for.
    pub(super) fn new(child: Child) -> Option<Self> {
        Some(Self { id: child.id()?, child: Some(child), stopped_by: None, checks_after_exit: 0 })
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Whether no other task waits for the end of the process.
    pub(super) fn is_owned(&self) -> bool {
        self.child.is_some()
    }

    /// Takes the child, for a task that waits for its end.
    pub(super) fn take_child(&mut self) -> Option<Child> {
        self.child.take()
    }

    /// Notes which signal has stopped the process, if it is stopped.
    pub(super) fn set_stopped_by(&mut self, signal: Option<i32>) {
        self.stopped_by = signal;
    }

    /// Why the process makes no progress, if it is stopped.
    pub(super) fn describe_stop(&self) -> Option<String> {
        let signal = self.stopped_by?;
        Some(if Terminal::is_stop_signal(signal) {
            "its process is stopped: it uses the terminal, but the run is not in the foreground of one".to_owned()
        } else {
            format!("its process is stopped, by {}", signal_in_words(signal))
        })
    }

    /// The processes that the test has started and that are stopped.
    pub(super) fn stopped_descendants(&self) -> Vec<String> {
        stopped_descendants(self.id)
    }

    /// Sends a signal to the process and everything in its group.
    pub(super) fn signal(&self, signal: Signal) {
        signal_group(self.id, signal);
    }

    /// Ends the process and everything in its group.
    pub(super) fn kill(&self) {
        kill_group(self.id);
    }

    /// Counts the checks that find the process ended, and ends its group at the last one. Returns whether it was the last one.
    pub(super) fn check_for_silent_end(&mut self) -> bool {
        if !self.is_owned() || !is_ended(self.id) {
            return false;
        }
        self.checks_after_exit += 1;
        let is_last = self.checks_after_exit == MAX_CHECKS_AFTER_EXIT;
        if is_last {
            self.kill();
        }
        is_last
    }
}
