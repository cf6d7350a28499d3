//! Signal dispositions, signal masks and interval timers of this process.
#![expect(unsafe_code, reason = "signals and timers are available only through the C library")]

use std::fmt;
use std::mem::{self, MaybeUninit};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::slice;

use rustix::process::Signal;

/// The signals with which users and systems ask a process to end.
pub(super) const TERMINATION_SIGNALS: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

/// Resets the signals that this process inherited as ignored or blocked and that a run needs.
///
/// An ignored `SIGHUP` or `SIGINT` stays ignored, because `nohup` and shells without job control set that on purpose.
pub(crate) fn clear_inherited_signals() {
    for signal in [libc::SIGCHLD, libc::SIGALRM] {
        if is_ignored(signal) {
            reset(signal);
        }
    }
    SignalMask::empty().set();
}

/// Makes a command start its program with the termination signals ignored. Otherwise a signal could end the program before it
/// has installed its own handlers.
pub(crate) fn ignore_termination_signals(command: &mut Command) -> &mut Command {
    let ignore = || {
        for signal in TERMINATION_SIGNALS {
            // SAFETY: ignoring a signal calls no code of this process.
            unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
        }
        Ok(())
    };
    // SAFETY: `signal` is async-signal-safe, so that it may be called between fork and exec.
    unsafe { command.pre_exec(ignore) }
}

/// Sends a signal to this process. A signal handler may call this function.
pub(super) fn send_to_this_process(signal: i32) {
    // SAFETY: both functions are async-signal-safe and take only numbers.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// Calls a function while this thread blocks a signal that would otherwise stop or end the process.
pub(super) fn with_blocked_signal<T>(signal: i32, act: impl FnOnce() -> T) -> T {
    let earlier = SignalMask::of_this_thread();
    earlier.with(signal).set();
    let result = act();
    earlier.set();
    result
}

/// Whether this process ignores a signal. A program that `nohup` or a shell without job control has started may do so.
#[must_use]
pub(crate) fn is_ignored(signal: i32) -> bool {
    Disposition::of(signal).is_some_and(|disposition| disposition.effect() == Effect::Ignored)
}

/// The disposition of a signal (`sigaction(2)`): the action of this process when it receives the signal.
#[derive(Clone, Copy)]
pub(super) struct Disposition(libc::sigaction);

/// The three kinds of disposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// The system takes its default action.
    Default,
    /// The signal is ignored.
    Ignored,
    /// The system calls a function of the process.
    Handled,
}

impl Disposition {
    pub(super) fn of(signal: i32) -> Option<Self> {
        let mut action = MaybeUninit::uninit();
        // SAFETY: the new action is null, and the pointer for the old action is valid.
        let result = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
        // SAFETY: the call succeeded, so the old action was written.
        (result == 0).then(|| Self(unsafe { action.assume_init() }))
    }

    pub(super) fn effect(&self) -> Effect {
        match self.0.sa_sigaction {
            // With this flag, the process cannot wait for its children, as if SIGCHLD were ignored. Other signals don't have it.
            _ if self.0.sa_flags & libc::SA_NOCLDWAIT != 0 => Effect::Ignored,
            libc::SIG_DFL => Effect::Default,
            libc::SIG_IGN => Effect::Ignored,
            _ => Effect::Handled,
        }
    }

    /// A disposition that calls a function. The function must be async-signal-safe.
    pub(super) fn handler(function: extern "C" fn(i32)) -> Self {
        // SAFETY: all zeros is a valid action, with an empty mask and without flags.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = function as *const () as usize;
        // An interrupted system call is continued.
        action.sa_flags = libc::SA_RESTART;
        Self(action)
    }

    /// Sets this disposition for a signal. Returns whether that succeeded.
    pub(super) fn set(&self, signal: i32) -> bool {
        self.exchange(signal).is_some()
    }

    /// Sets this disposition for a signal, and returns the one that it replaces.
    pub(super) fn exchange(&self, signal: i32) -> Option<Self> {
        let mut earlier = MaybeUninit::uninit();
        // SAFETY: both pointers are valid. The action was in effect in this process before and its code is still loaded, or it calls a
        // function of ours.
        let result = unsafe { libc::sigaction(signal, &raw const self.0, earlier.as_mut_ptr()) };
        // SAFETY: the call succeeded, so the old action was written.
        (result == 0).then(|| Self(unsafe { earlier.assume_init() }))
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

/// Sets the default disposition for a signal. Returns whether that succeeded.
pub(super) fn reset(signal: i32) -> bool {
    // SAFETY: the default action calls no code of this process.
    unsafe { libc::signal(signal, libc::SIG_DFL) != libc::SIG_ERR }
}

/// The signal mask of a thread: the set of signals that the thread blocks.
#[derive(Clone, Copy)]
pub(super) struct SignalMask(libc::sigset_t);

impl SignalMask {
    pub(super) fn empty() -> Self {
        // SAFETY: a signal set is an array of bits, for which all zeros is a valid value.
        Self(unsafe { mem::zeroed() })
    }

    /// A copy of this mask that also contains `signal`.
    pub(super) fn with(&self, signal: i32) -> Self {
        let mut mask = *self;
        // SAFETY: the pointer to the set is valid. An invalid signal number would only return an error.
        unsafe { libc::sigaddset(&raw mut mask.0, signal) };
        mask
    }

    pub(super) fn of_this_thread() -> Self {
        let mut mask = Self::empty();
        // SAFETY: the new set is null, and the pointer for the old set is valid.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), &raw mut mask.0) };
        mask
    }

    /// Sets this mask for the current thread. Returns the thread's earlier mask.
    pub(super) fn set(&self) -> Self {
        let mut earlier = Self::empty();
        // SAFETY: both pointers are valid, and the call does not keep them.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, &raw mut earlier.0) };
        earlier
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: a signal set is an array of bits without padding, and all of its bytes are initialized.
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
    /// Counts real time. `alarm(2)` sets it too.
    Alarm,
    /// Counts the processor time of this process in user mode.
    UserTime,
    /// Counts the processor time of this process in user mode and in kernel mode.
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

    /// Stops the timer. Returns whether it was running.
    pub(super) fn cancel(self) -> bool {
        let mut earlier = MaybeUninit::<libc::itimerval>::zeroed();
        // SAFETY: all zeros is a valid value, which stops the timer, and the pointer for the earlier value is valid.
        unsafe { libc::setitimer(self.which(), MaybeUninit::zeroed().as_ptr(), earlier.as_mut_ptr()) };
        // SAFETY: the value was initialized with zeros, and the call may have overwritten it with a valid value.
        is_running(&unsafe { earlier.assume_init() })
    }

    pub(super) fn is_running(self) -> bool {
        let mut timer = MaybeUninit::<libc::itimerval>::zeroed();
        // SAFETY: the pointer for the current value is valid.
        unsafe { libc::getitimer(self.which(), timer.as_mut_ptr()) };
        // SAFETY: the value was initialized with zeros, and the call may have overwritten it with a valid value.
        is_running(&unsafe { timer.assume_init() })
    }
}

fn is_running(timer: &libc::itimerval) -> bool {
    timer.it_value.tv_sec > 0 || timer.it_value.tv_usec > 0
}
