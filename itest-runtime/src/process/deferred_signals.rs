//! Defers the signals that would end this process, while it does something that must not be left half done.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

use super::signals::{Disposition, Effect, TERMINATION_SIGNALS};

/// The deferred signals that have arrived. The bit of a signal is its number.
static ARRIVED: AtomicU32 = AtomicU32::new(0);

/// Dispositions belong to the whole process, so that only one thread at a time may defer signals.
static TURN: Mutex<()> = Mutex::new(());

/// Calls a function. A termination signal that arrives meanwhile takes effect afterwards.
///
/// Blocking the signals would not be enough: the system then delivers them to another thread of the process.
pub(crate) fn defer_termination<T>(act: impl FnOnce() -> T) -> T {
    let _deferred = DeferredTermination::begin();
    act()
}

struct DeferredTermination {
    earlier: Vec<(Signal, Disposition)>,
    _turn: MutexGuard<'static, ()>,
}

impl DeferredTermination {
    fn begin() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        // A signal that is ignored or handled does not end the process, at least not before its handler says so.
        let fatal = |signal: Signal| {
            let disposition = Disposition::of(signal.as_raw())?;
            (disposition.effect() == Effect::Default).then_some((signal, disposition))
        };
        let earlier: Vec<_> = TERMINATION_SIGNALS.into_iter().filter_map(fatal).collect();
        for (signal, _) in &earlier {
            Disposition::handler(remember).set(signal.as_raw());
        }
        Self { earlier, _turn: turn }
    }
}

impl Drop for DeferredTermination {
    fn drop(&mut self) {
        for (signal, earlier) in &self.earlier {
            // Another thread may have installed a handler of its own meanwhile. It stays.
            if Disposition::of(signal.as_raw()).is_some_and(|current| current == Disposition::handler(remember)) {
                earlier.set(signal.as_raw());
            }
        }
        let arrived = ARRIVED.swap(0, Ordering::Relaxed);
        for (signal, _) in &self.earlier {
            if arrived & bit(signal.as_raw()) != 0 {
                let _ = kill_process(getpid(), *signal);
            }
        }
    }
}

extern "C" fn remember(signal: i32) {
    ARRIVED.fetch_or(bit(signal), Ordering::Relaxed);
}

fn bit(signal: i32) -> u32 {
    1 << signal
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    const IS_CHILD: &str = "ITEST_TEST_DEFERRED_SIGNALS";

    #[test]
    fn termination_signal_takes_effect_after_the_deferring_function() {
        if std::env::var_os(IS_CHILD).is_some() {
            defer_termination(|| {
                kill_process(getpid(), Signal::QUIT).unwrap();
                println!("the function has ended");
            });
            println!("the signal had no effect");
            return;
        }
        let own_name = "process::deferred_signals::tests::termination_signal_takes_effect_after_the_deferring_function";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let child = command.args(["--exact", own_name, "--nocapture"]).env(IS_CHILD, "1").output().unwrap();
        assert_eq!(child.status.signal(), Some(Signal::QUIT.as_raw()), "{child:?}");
        let stdout = String::from_utf8(child.stdout).unwrap();
        assert!(stdout.contains("the function has ended"), "{stdout}");
        assert!(!stdout.contains("the signal had no effect"), "{stdout}");
    }

    #[test]
    fn dispositions_are_as_before_after_the_function() {
        let effects = || TERMINATION_SIGNALS.map(|signal| Disposition::of(signal.as_raw()).unwrap().effect());
        let before = effects();
        let during = defer_termination(effects);
        assert!(!during.contains(&Effect::Default), "{during:?}");
        assert_eq!(effects(), before);
    }
}
