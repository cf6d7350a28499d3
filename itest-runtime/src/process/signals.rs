//! Signals and interval timers, which only C knows: who handles which signal, which are blocked, what is pending.
#![expect(unsafe_code, reason = "only C knows signals and timers")]

use std::fmt;
use std::mem::{self, MaybeUninit};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::slice;

/// Resets signals that the parent process ignored or blocked, because a run cannot work with them.
///
/// An ignored `SIGHUP` or `SIGINT` stays ignored, because `nohup` and shells without job control ask for that.
pub(crate) fn clear_inherited_signals() {
    for signal in [libc::SIGCHLD, libc::SIGALRM] {
        if is_ignored(signal) {
            reset(signal);
        }
    }
    SignalMask::empty().set();
}

/// Makes a command start its program with the signals ignored that ask a process to end, until the program handles them itself. Otherwise a
/// signal that comes before that ends it.
pub(crate) fn ignore_requests_to_end(command: &mut Command) -> &mut Command {
    let ignore = || {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
            // SAFETY: ignoring a signal calls no code of this process.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
        Ok(())
    };
    // SAFETY: `signal` is allowed between fork and exec.
    unsafe { command.pre_exec(ignore) }
}

/// Calls a function while this thread blocks a signal that would otherwise stop or end the process.
pub(super) fn without_signal<T>(signal: i32, act: impl FnOnce() -> T) -> T {
    let earlier = SignalMask::of_this_thread();
    earlier.with(signal).set();
    let done = act();
    earlier.set();
    done
}

/// Whether this process ignores a signal, as what `nohup` or a shell without job control starts does.
#[must_use]
pub(crate) fn is_ignored(signal: i32) -> bool {
    Disposition::of(signal).is_some_and(|disposition| disposition.effect() == Effect::Ignored)
}

/// What happens when a signal comes.
#[derive(Clone, Copy)]
pub(super) struct Disposition(libc::sigaction);

/// The same in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// What the system does by itself.
    Default,
    /// Nothing.
    Ignored,
    /// A function is called.
    Handled,
}

impl Disposition {
    pub(super) fn of(signal: i32) -> Option<Self> {
        let mut action = MaybeUninit::uninit();
        // SAFETY: no new action is given, and there is room for the old one.
        let told = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: the call succeeded, so the old action was written.
        (told == 0).then(|| Self(unsafe { action.assume_init() }))
    }

    pub(super) fn effect(&self) -> Effect {
        match self.0.sa_sigaction {
            // Children that cannot be waited for are as bad as an ignored signal; other signals don't have this flag.
            _ if self.0.sa_flags & libc::SA_NOCLDWAIT != 0 => Effect::Ignored,
            libc::SIG_DFL => Effect::Default,
            libc::SIG_IGN => Effect::Ignored,
            _ => Effect::Handled,
        }
    }

    /// Makes it the signal's own again.
    pub(super) fn restore(&self, signal: i32) -> bool {
        // SAFETY: the action was this process's before, and code is not unloaded.
        unsafe { libc::sigaction(signal, &raw const self.0, ptr::null_mut()) == 0 }
    }
}

impl PartialEq for Disposition {
    fn eq(&self, other: &Self) -> bool {
        self.0.sa_sigaction == other.0.sa_sigaction && self.effect() == other.effect()
    }
}

impl fmt::Debug for Disposition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.effect().fmt(formatter)
    }
}

/// The system does with a signal what it does by itself.
pub(super) fn reset(signal: i32) -> bool {
    // SAFETY: the default action calls no code of this process.
    unsafe { libc::signal(signal, libc::SIG_DFL) != libc::SIG_ERR }
}

/// The signals that a thread holds back.
#[derive(Clone, Copy)]
pub(super) struct SignalMask(libc::sigset_t);

impl SignalMask {
    pub(super) fn empty() -> Self {
        // SAFETY: a set of signals is a row of bits, for which zero is a value.
        Self(unsafe { mem::zeroed() })
    }

    /// The same, and one more.
    pub(super) fn with(&self, signal: i32) -> Self {
        let mut mask = *self;
        // SAFETY: the set is there, and the number is a signal's.
        unsafe { libc::sigaddset(&raw mut mask.0, signal) };
        mask
    }

    pub(super) fn of_this_thread() -> Self {
        let mut mask = Self::empty();
        // SAFETY: no new set is given, and there is room for the old one.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), &raw mut mask.0) };
        mask
    }

    /// Makes it the mask of this thread; what that was before.
    pub(super) fn set(&self) -> Self {
        let mut earlier = Self::empty();
        // SAFETY: both are sets of signals, and the call keeps neither.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, &raw mut earlier.0) };
        earlier
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: a set of signals is a row of bits without padding, all of which were written.
        unsafe { slice::from_raw_parts((&raw const self.0).cast(), size_of_val(&self.0)) }
    }
}

impl PartialEq for SignalMask {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl fmt::Debug for SignalMask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SignalMask").field(&self.bytes()).finish()
    }
}

/// An interval timer of this process (`setitimer(2)`).
#[derive(Debug, Clone, Copy)]
pub(super) enum Timer {
    /// Of real time, also set by `alarm(2)`.
    Alarm,
    /// Of the time that this process computes.
    UserTime,
    /// The same, and the time that the system works for it.
    ProcessorTime,
}

impl Timer {
    fn which(self) -> i32 {
        match self {
            Self::Alarm => libc::ITIMER_REAL,
            Self::UserTime => libc::ITIMER_VIRTUAL,
            Self::ProcessorTime => libc::ITIMER_PROF,
        }
    }

    /// Stops it; whether it was running.
    pub(super) fn cancel(self) -> bool {
        let mut earlier = MaybeUninit::<libc::itimerval>::zeroed();
        // SAFETY: zero is a value of both, stands for a stopped timer, and there is room for the earlier one.
        unsafe { libc::setitimer(self.which(), MaybeUninit::zeroed().as_ptr(), earlier.as_mut_ptr()) };
        // SAFETY: see above.
        is_running(&unsafe { earlier.assume_init() })
    }

    pub(super) fn is_running(self) -> bool {
        let mut timer = MaybeUninit::<libc::itimerval>::zeroed();
        // SAFETY: zero is a value, and there is room for what is asked for.
        unsafe { libc::getitimer(self.which(), timer.as_mut_ptr()) };
        // SAFETY: see above.
        is_running(&unsafe { timer.assume_init() })
    }
}

fn is_running(timer: &libc::itimerval) -> bool {
    timer.it_value.tv_sec > 0 || timer.it_value.tv_usec > 0
}
