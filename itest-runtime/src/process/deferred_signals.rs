//! Defers the signals that would end this process, while it does something that must not be left half done.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use super::signals::{Disposition, Effect, TERMINATION_SIGNALS, send_to_this_process};

/// The deferred signals that have arrived. The bit of a signal is its number.
static ARRIVED: AtomicU32 = AtomicU32::new(0);

/// Whether a thread defers signals now.
static IS_DEFERRING: AtomicBool = AtomicBool::new(false);

/// Dispositions belong to the whole process, so that only one thread at a time may change them.
static TURN: Mutex<()> = Mutex::new(());

/// Calls a function. A termination signal that arrives meanwhile takes effect afterwards. The function must not defer signals itself.
///
/// Blocking the signals would not be enough: the system then delivers them to another thread of the process.
pub(crate) fn defer_termination<T>(act: impl FnOnce() -> T) -> T {
    let _deferred = DeferredTermination::begin();
    act()
}

/// Prevents other threads from deferring signals as long as the guard exists, so that dispositions can be compared.
pub(super) fn prevent_deferral() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct DeferredTermination {
    /// The deferred signals, with their dispositions.
    earlier: Vec<(Signal, Disposition)>,
    _turn: MutexGuard<'static, ()>,
}

impl DeferredTermination {
    fn begin() -> Self {
        let turn = prevent_deferral();
        IS_DEFERRING.store(true, Ordering::SeqCst);
        Self { earlier: TERMINATION_SIGNALS.into_iter().filter_map(defer).collect(), _turn: turn }
    }
}

impl Drop for DeferredTermination {
    fn drop(&mut self) {
        // Another thread may have installed a handler of its own meanwhile. It stays, and has received the signals since then.
        self.earlier.retain(|(signal, earlier)| {
            let current = earlier.exchange(signal.as_raw());
            let is_ours = current.is_none_or(|current| current == Disposition::handler(remember));
            if let Some(current) = current.filter(|_| !is_ours) {
                current.set(signal.as_raw());
            }
            is_ours
        });
        IS_DEFERRING.store(false, Ordering::SeqCst);
        let arrived = ARRIVED.swap(0, Ordering::SeqCst);
        for (signal, _) in &self.earlier {
            if arrived & bit(signal.as_raw()) != 0 {
                send_to_this_process(signal.as_raw());
            }
        }
    }
}

/// Defers a signal that would end the process, and returns its disposition. A signal that is ignored or handled does not end the process
/// by itself, and is not deferred.
fn defer(signal: Signal) -> Option<(Signal, Disposition)> {
    Disposition::of(signal.as_raw()).filter(|current| current.effect() == Effect::Default)?;
    let earlier = Disposition::handler(remember).exchange(signal.as_raw())?;
    if earlier.effect() != Effect::Default {
        // Another thread has installed a handler in between.
        earlier.set(signal.as_raw());
        return None;
    }
    Some((signal, earlier))
}

/// The handler of a deferred signal.
extern "C" fn remember(signal: i32) {
    ARRIVED.fetch_or(bit(signal), Ordering::SeqCst);
    // The handler may have begun in another thread before the disposition was restored, and then nothing sends the signal again.
    let is_late = !IS_DEFERRING.load(Ordering::SeqCst);
    if is_late && ARRIVED.fetch_and(!bit(signal), Ordering::SeqCst) & bit(signal) != 0 {
        send_to_this_process(signal);
    }
}

fn bit(signal: i32) -> u32 {
    1 << signal
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;
    use std::time::Duration;

    use super::super::signals::reset;
    use super::*;

    const IS_CHILD: &str = "ITEST_TEST_DEFERRED_SIGNALS";

    #[test]
    fn termination_signal_takes_effect_after_the_deferring_function() {
        if std::env::var_os(IS_CHILD).is_some() {
            // A shell without job control starts programs in the background with this signal ignored.
            assert!(reset(Signal::QUIT.as_raw()));
            defer_termination(|| {
                send_to_this_process(Signal::QUIT.as_raw());
                println!("the function has ended");
            });
            // Another thread may receive the signal, which then takes effect a moment later.
            std::thread::sleep(Duration::from_secs(30));
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
