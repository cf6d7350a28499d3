//! The process state that all tests of a worker share: signals, the umask, the priority, resource limits, timers and the standard
//! input. A test that changes one of them would affect the tests after it, so the harness restores them after each test.

use std::fs::File;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit, umask};

use super::deferred_signals::prevent_deferral;
use super::posix_timers::PosixTimers;
use super::signals::{Disposition, Effect, SignalMask, Timer};

/// The resource limits that are checked. Other limits exist, but each check costs a system call after every test.
const LIMITS: [(Resource, &str); 6] = [
    (Resource::Nofile, "open files"),
    (Resource::Fsize, "file size"),
    (Resource::As, "address space"),
    (Resource::Nproc, "processes"),
    (Resource::Cpu, "processor time"),
    (Resource::Stack, "stack size"),
];

/// The signals whose disposition is checked. This process depends on them, and so do the programs that later tests start,
/// because a program inherits ignored signals.
const SIGNALS: [(i32, &str); 5] = [
    (libc::SIGCHLD, "SIGCHLD"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGHUP, "SIGHUP"),
];

/// The interval timers of a process. When one expires, its signal ends the process.
const TIMERS: [(Timer, &str); 3] = [
    (Timer::Alarm, "a pending alarm"),
    (Timer::UserTime, "a timer of user time"),
    (Timer::ProcessorTime, "a timer of processor time"),
];

/// The state of this process at one moment.
#[derive(Debug)]
pub(crate) struct ProcessState {
    umask: Mode,
    priority: Option<i32>,
    limits: [Rlimit; LIMITS.len()],
    dispositions: [Option<Disposition>; SIGNALS.len()],
    /// The signal mask of the thread that runs the tests.
    mask: SignalMask,
    stdin: Stdin,
    timers: [TimerOwner; TIMERS.len()],
    posix_timers: PosixTimers,
}

/// The standard input of tests.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// The null device. It is restored after each test, because a test may have replaced it.
    Null(File),
    /// The standard input of the process that started the run.
    Inherited,
}

/// The code that is responsible for a timer if the timer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimerOwner {
    Test,
    WorkerFixture,
}

/// A change of the process state that a test made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// A description of the change.
    pub(crate) what: String,
    /// Whether the harness has restored it.
    pub(crate) is_undone: bool,
}

fn current_dispositions() -> [Option<Disposition>; SIGNALS.len()] {
    let _unchanged = prevent_deferral();
    SIGNALS.map(|(signal, _)| Disposition::of(signal))
}

impl ProcessState {
    /// Captures the current state. It must be called on the thread that runs the tests.
    #[must_use]
    pub(crate) fn capture(stdin: Stdin) -> Self {
        // `umask(2)` can return the old value only by setting a new one. Reading the value from `/proc` would cost more.
        let current = umask(Mode::from_raw_mode(0o022));
        umask(current);
        Self {
            umask: current,
            priority: getpriority_process(None).ok(),
            limits: LIMITS.map(|(resource, _)| getrlimit(resource)),
            dispositions: current_dispositions(),
            mask: SignalMask::of_this_thread(),
            stdin,
            timers: [TimerOwner::Test; TIMERS.len()],
            posix_timers: PosixTimers::capture(),
        }
    }

    /// Accepts the changes that a worker fixture has made since `before`, because the fixture exists as long as the worker.
    /// Changes that the running test had made before are still reported as changes of the test.
    pub(crate) fn adopt_changes_since(&mut self, before: &EarlierState) {
        let EarlierState { state: before, timers } = before;
        let now = Self::capture(Stdin::Inherited);
        adopt(&mut self.umask, &before.umask, now.umask);
        adopt(&mut self.priority, &before.priority, now.priority);
        adopt(&mut self.mask, &before.mask, now.mask);
        for (own, (before, now)) in self.limits.iter_mut().zip(before.limits.iter().zip(now.limits)) {
            adopt(own, before, now);
        }
        for (own, (before, now)) in self.dispositions.iter_mut().zip(before.dispositions.iter().zip(now.dispositions)) {
            adopt(own, before, now);
        }
        self.posix_timers.adopt_changes_since(&before.posix_timers);
        for ((owner, (timer, _)), was_running) in self.timers.iter_mut().zip(TIMERS).zip(timers) {
            if timer.is_running() && !was_running {
                *owner = TimerOwner::WorkerFixture;
            }
        }
    }

    /// Restores the state that a test has changed, and returns the changes.
    pub(crate) fn restore(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Stdin::Null(null) = &self.stdin {
            // A replaced standard input is not reported as a change, because it does no harm once it is restored.
            let _ = rustix::stdio::dup2_stdin(null);
        }
        let current = umask(self.umask);
        if current != self.umask {
            changes.push(Change::undone(format!("a changed umask ({:03o})", current.as_raw_mode())));
        }
        for ((timer, name), owner) in TIMERS.iter().zip(self.timers) {
            if owner == TimerOwner::Test && timer.cancel() {
                changes.push(Change::undone((*name).to_owned()));
            }
        }
        // POSIX timers are not deleted, because a library may have created them and still use them. The worker process is
        // replaced instead.
        let new_timers = self.posix_timers.count_new();
        if new_timers > 0 {
            changes.push(Change {
                what: match new_timers {
                    1 => "a POSIX timer".to_owned(),
                    more => format!("{more} POSIX timers"),
                },
                is_undone: false,
            });
        }
        if self.mask.set() != self.mask {
            changes.push(Change::undone("blocked signals".to_owned()));
        }
        self.restore_dispositions(&mut changes);
        self.restore_priority(&mut changes);
        self.restore_limits(&mut changes);
        changes
    }

    /// Restores ignored and default dispositions. New handlers are kept, because libraries such as tokio install a handler only
    /// once in a process and rely on it from then on.
    fn restore_dispositions(&mut self, changes: &mut Vec<Change>) {
        let _unchanged = prevent_deferral();
        for ((signal, name), before) in SIGNALS.into_iter().zip(&mut self.dispositions) {
            let now = Disposition::of(signal);
            let (Some(now), Some(earlier)) = (now, *before) else { continue };
            if now == earlier {
                continue;
            }
            let what = match (now.effect(), earlier.effect()) {
                (Effect::Handled, _) => {
                    *before = Some(now);
                    continue;
                }
                (Effect::Ignored, _) => format!("{name} ignored"),
                (Effect::Default, _) => format!("{name} reset to its default action"),
            };
            changes.push(Change { what, is_undone: earlier.set(signal) });
        }
    }

    fn restore_priority(&self, changes: &mut Vec<Change>) {
        let now = getpriority_process(None).ok();
        if let (Some(now), Some(before)) = (now, self.priority)
            && now != before
        {
            let is_undone = setpriority_process(None, before).is_ok();
            changes.push(Change { what: format!("a changed priority ({now})"), is_undone });
        }
    }

    fn restore_limits(&self, changes: &mut Vec<Change>) {
        for ((resource, name), before) in LIMITS.into_iter().zip(&self.limits) {
            let now = getrlimit(resource);
            if now != *before {
                let is_undone = setrlimit(resource, *before).is_ok();
                let limit = now.current.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
                changes.push(Change { what: format!("a changed limit of {name} ({limit})"), is_undone });
            }
        }
    }
}

/// The process state before the setup of a worker fixture.
#[derive(Debug)]
pub(crate) struct EarlierState {
    state: ProcessState,
    timers: [bool; TIMERS.len()],
}

impl EarlierState {
    /// Captures the current state.
    #[must_use]
    pub(crate) fn capture() -> Self {
        let state = ProcessState::capture(Stdin::Inherited);
        let state = ProcessState { posix_timers: state.posix_timers.without_list(), ..state };
        Self { state, timers: TIMERS.map(|(timer, _)| timer.is_running()) }
    }
}

fn adopt<T: PartialEq>(own: &mut T, before: &T, now: T) {
    if *before != now {
        *own = now;
    }
}

impl Change {
    fn undone(what: String) -> Self {
        Self { what, is_undone: true }
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::{is_ignored, reset};
    use super::*;

    /// This test changes only the state of its own thread, because other tests run in the same process.
    #[test]
    fn changed_signal_mask_is_restored_and_reported() {
        let mut state = ProcessState::capture(Stdin::Inherited);
        assert_eq!(state.restore(), []);
        let earlier = SignalMask::of_this_thread();
        SignalMask::empty().with(libc::SIGUSR1).set();
        assert_eq!(state.restore(), [Change::undone("blocked signals".to_owned())]);
        assert!(SignalMask::of_this_thread() == earlier);
    }

    #[test]
    fn signal_that_was_reset_is_ignored_again() {
        let mut state = ProcessState::capture(Stdin::Inherited);
        assert!(reset(libc::SIGPIPE));
        assert_eq!(state.restore(), [Change::undone("SIGPIPE reset to its default action".to_owned())]);
        assert!(is_ignored(libc::SIGPIPE));
    }
}
