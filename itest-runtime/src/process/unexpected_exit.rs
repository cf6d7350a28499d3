//! Describes how a process ended, and sends signals to process groups.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal};

/// The exit of a process that should not have ended. It is displayed as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnexpectedExit(ExitStatus);

impl UnexpectedExit {
    /// Wraps the status that `wait` returned.
    #[must_use]
    pub(crate) fn new(status: ExitStatus) -> Self {
        Self(status)
    }

    /// Whether this signal ended the process.
    #[must_use]
    pub(crate) fn is_caused_by(self, signal: Signal) -> bool {
        self.0.signal() == Some(signal.as_raw())
    }
}

impl fmt::Display for UnexpectedExit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.0.signal() else {
            return match self.0.code() {
                Some(code) => write!(formatter, "the process exited with code {code}"),
                None => write!(formatter, "the process ended: {}", self.0),
            };
        };
        match SIGNALS.iter().find(|(signal, ..)| signal.as_raw() == number) {
            Some((_, name, meaning)) if !meaning.is_empty() => {
                write!(formatter, "the process was ended by {name} ({meaning})")
            }
            _ => write!(formatter, "the process was ended by {}", signal_in_words(number)),
        }
    }
}

/// The name of a signal, or its number.
#[must_use]
pub(crate) fn signal_in_words(number: i32) -> String {
    let known = SIGNALS.iter().find(|(signal, ..)| signal.as_raw() == number);
    known.map_or_else(|| format!("signal {number}"), |(_, name, _)| (*name).to_owned())
}

/// For each signal its name and its usual cause.
const SIGNALS: [(Signal, &str, &str); 22] = [
    (Signal::ABORT, "SIGABRT", "aborted itself"),
    (Signal::ALARM, "SIGALRM", "an alarm it had set"),
    (Signal::BUS, "SIGBUS", "invalid memory access"),
    (Signal::FPE, "SIGFPE", "invalid arithmetic"),
    (Signal::HUP, "SIGHUP", "hung up"),
    (Signal::ILL, "SIGILL", "invalid instruction"),
    (Signal::INT, "SIGINT", "interrupted"),
    (Signal::KILL, "SIGKILL", "killed from outside, perhaps for lack of memory"),
    (Signal::PIPE, "SIGPIPE", "it wrote to a pipe that no process reads"),
    (Signal::QUIT, "SIGQUIT", "asked to quit"),
    (Signal::SEGV, "SIGSEGV", "invalid memory reference"),
    (Signal::SYS, "SIGSYS", "a forbidden system call"),
    (Signal::TERM, "SIGTERM", "asked to end"),
    (Signal::TRAP, "SIGTRAP", "a breakpoint without a debugger"),
    (Signal::USR1, "SIGUSR1", "a signal it does not handle"),
    (Signal::USR2, "SIGUSR2", "a signal it does not handle"),
    (Signal::XCPU, "SIGXCPU", "its limit of processor time"),
    (Signal::XFSZ, "SIGXFSZ", "its limit of file size"),
    (Signal::PROF, "SIGPROF", "a timer that it, or an earlier test of its process, had set"),
    (Signal::VTALARM, "SIGVTALRM", "a timer that it, or an earlier test of its process, had set"),
    (Signal::STOP, "SIGSTOP", ""),
    (Signal::TSTP, "SIGTSTP", ""),
];

/// Kills a process group: its leader and all descendants that are still in the group.
pub(crate) fn kill_group(leader: u32) {
    signal_group(leader, Signal::KILL);
}

/// Sends a signal to a process group.
pub(crate) fn signal_group(leader: u32, signal: Signal) {
    if let Some(leader) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // An error means that the group has already ended.
        let _ = rustix::process::kill_process_group(leader, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_is_described_by_its_signal_or_code() {
        let description = |raw| UnexpectedExit::new(ExitStatus::from_raw(raw)).to_string();
        assert_eq!(description(Signal::SEGV.as_raw()), "the process was ended by SIGSEGV (invalid memory reference)");
        assert_eq!(description(7 << 8), "the process exited with code 7");
    }
}
