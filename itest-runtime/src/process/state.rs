//! What the tests of a process share besides its memory and its files: signals, the umask, priority, limits, timers, the standard
//! input. A test that changes one of these would decide about the tests after it, so that the harness restores them after each test.

use std::fs::File;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit, umask};

use super::posix_timers::PosixTimers;
use super::signals::{Disposition, Effect, SignalMask, Timer};

/// The limits that decide what a test, or the harness, can do. Others exist; looking at each costs a system call a test.
const LIMITS: [(Resource, &str); 6] = [
    (Resource::Nofile, "open files"),
    (Resource::Fsize, "file size"),
    (Resource::As, "address space"),
    (Resource::Nproc, "processes"),
    (Resource::Cpu, "processor time"),
    (Resource::Stack, "stack size"),
];

/// Signals whose disposition this process, or a program that a later test starts, depends on: ignored ones stay so in programs.
const SIGNALS: [(i32, &str); 5] = [
    (libc::SIGCHLD, "SIGCHLD"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGHUP, "SIGHUP"),
];

/// The interval timers of a process, which end it when their time is over.
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
    /// Of the thread that runs tests.
    mask: SignalMask,
    stdin: Stdin,
    timers: [TimerOwner; TIMERS.len()],
    posix_timers: PosixTimers,
}

/// What the standard input of tests is.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// Nothing to read; whatever a test put in its place is replaced.
    Null(File),
    /// The standard input of the process that started the run.
    Inherited,
}

/// Which code a timer belongs to, if it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimerOwner {
    Test,
    WorkerFixture,
}

/// Something that a test changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// What was changed, in words.
    pub(crate) what: String,
    /// Whether the harness has restored it.
    pub(crate) is_undone: bool,
}

impl ProcessState {
    /// Takes the state of this moment, on the thread that runs the tests.
    #[must_use]
    pub(crate) fn capture(stdin: Stdin) -> Self {
        // `umask(2)` returns the old value only while it sets a new one; reading it from `/proc` costs more.
        let current = umask(Mode::from_raw_mode(0o022));
        umask(current);
        Self {
            umask: current,
            priority: getpriority_process(None).ok(),
            limits: LIMITS.map(|(resource, _)| getrlimit(resource)),
            dispositions: SIGNALS.map(|(signal, _)| Disposition::of(signal)),
            mask: SignalMask::of_this_thread(),
            stdin,
            timers: [TimerOwner::Test; TIMERS.len()],
            posix_timers: PosixTimers::capture(),
        }
    }

    /// Adopts what a worker fixture has changed since `before`, because that stays for as long as the worker. What the running test had
    /// changed until then remains its change.
    pub(crate) fn adopt_changes_since(&mut self, before: &EarlierState) {
        let EarlierState { state: before, timers } = before;
        let now = Self::capture(Stdin::Inherited);
        adopt(&mut self.umask, &before.umask, now.umask);
        adopt(&mut self.priority, &before.priority, now.priority);
        adopt(&mut self.mask, &before.mask, now.mask);
        for (mine, (before, now)) in self.limits.iter_mut().zip(before.limits.iter().zip(now.limits)) {
            adopt(mine, before, now);
        }
        for (mine, (before, now)) in self.dispositions.iter_mut().zip(before.dispositions.iter().zip(now.dispositions))
        {
            adopt(mine, before, now);
        }
        self.posix_timers.adopt_changes_since(&before.posix_timers);
        for ((owner, (timer, _)), was_running) in self.timers.iter_mut().zip(TIMERS).zip(timers) {
            if timer.is_running() && !was_running {
                *owner = TimerOwner::WorkerFixture;
            }
        }
    }

    /// Restores what a test has changed, and returns the changes.
    pub(crate) fn put_back(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        if let Stdin::Null(null) = &self.stdin {
            // Without a warning: the standard input of tests is always empty, so that no test loses anything.
            let _ = rustix::stdio::dup2_stdin(null);
        }
        let left = umask(self.umask);
        if left != self.umask {
            changes.push(Change::undone(format!("a changed umask ({:03o})", left.as_raw_mode())));
        }
        for ((timer, name), of) in TIMERS.iter().zip(self.timers) {
            if of == TimerOwner::Test && timer.cancel() {
                changes.push(Change::undone((*name).to_owned()));
            }
        }
        // They cannot be taken from a library that may have made them, so that the process is replaced.
        let new_timers = self.posix_timers.count_new();
        if new_timers > 0 {
            changes.push(Change {
                what: match new_timers {
                    1 => "a timer of POSIX".to_owned(),
                    more => format!("{more} timers of POSIX"),
                },
                is_undone: false,
            });
        }
        if self.mask.set() != self.mask {
            changes.push(Change::undone("blocked signals".to_owned()));
        }
        self.put_back_dispositions(&mut changes);
        self.put_back_priority(&mut changes);
        self.put_back_limits(&mut changes);
        changes
    }

    /// Handlers stay: libraries such as tokio install theirs once in a process, and wait for its signals from then on.
    fn put_back_dispositions(&mut self, changes: &mut Vec<Change>) {
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
            changes.push(Change { what, is_undone: earlier.restore(signal) });
        }
    }

    fn put_back_priority(&self, changes: &mut Vec<Change>) {
        let now = getpriority_process(None).ok();
        if let (Some(now), Some(before)) = (now, self.priority)
            && now != before
        {
            let is_undone = setpriority_process(None, before).is_ok();
            changes.push(Change { what: format!("a changed priority ({now})"), is_undone });
        }
    }

    fn put_back_limits(&self, changes: &mut Vec<Change>) {
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

/// The state before a worker fixture is made.
#[derive(Debug)]
pub(crate) struct EarlierState {
    state: ProcessState,
    timers: [bool; TIMERS.len()],
}

impl EarlierState {
    /// Takes the state of this moment.
    #[must_use]
    pub(crate) fn capture() -> Self {
        let state = ProcessState::capture(Stdin::Inherited);
        let state = ProcessState { posix_timers: state.posix_timers.without_list(), ..state };
        Self { state, timers: TIMERS.map(|(timer, _)| timer.is_running()) }
    }
}

fn adopt<T: PartialEq>(mine: &mut T, before: &T, now: T) {
    if *before != now {
        *mine = now;
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

    /// Other tests run in this process: only what is a thread's own, or what none of them uses, is changed here.
    #[test]
    fn what_a_test_changed_is_put_back_and_named() {
        let mut state = ProcessState::capture(Stdin::Inherited);
        assert_eq!(state.put_back(), []);
        let earlier = SignalMask::of_this_thread();
        SignalMask::empty().with(libc::SIGUSR1).set();
        assert_eq!(state.put_back(), [Change::undone("blocked signals".to_owned())]);
        assert!(SignalMask::of_this_thread() == earlier);
    }

    #[test]
    fn ignored_signal_is_put_back_and_a_handler_stays() {
        let mut state = ProcessState::capture(Stdin::Inherited);
        assert!(reset(libc::SIGPIPE));
        assert_eq!(state.put_back(), [Change::undone("SIGPIPE reset to its default action".to_owned())]);
        assert!(is_ignored(libc::SIGPIPE));
    }
}
