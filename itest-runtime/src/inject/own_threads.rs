//! The threads of the harness and of the runtimes that all tests share. They start and end at any time, so they must not be reported as
//! leaks of a test.
//!
//! They are registered by their ids and not by their names, because a thread without a name inherits the name of the thread that starts it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::thread::gettid;
use tokio::runtime::Builder;

static THREADS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn threads() -> MutexGuard<'static, BTreeSet<u32>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn this_thread() -> u32 {
    gettid().as_raw_nonzero().get().cast_unsigned()
}

/// Starts a thread of the harness in a process in which tests may run.
///
/// # Errors
///
/// When the system has no thread left.
pub(crate) fn spawn_own_thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let registered = || {
        threads().insert(this_thread());
        work();
        threads().remove(&this_thread());
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(registered).map(drop)
}

/// The function that each thread of a runtime calls first.
static FIRST: OnceLock<fn()> = OnceLock::new();

/// Sets the function that new threads of runtimes call first.
#[cfg(feature = "tracing")]
pub(crate) fn begin_threads_with(first: fn()) {
    // A process has one worker, which calls this function once.
    let _ = FIRST.set(first);
}

fn begin_thread() {
    if let Some(first) = FIRST.get() {
        first();
    }
}

/// Prepares the threads of a runtime that only one test uses. They are not registered, because threads that remain after the test are its
/// leaks.
pub(crate) fn begin_threads_of(builder: &mut Builder) -> &mut Builder {
    builder.on_thread_start(begin_thread)
}

/// Prepares the threads of a runtime that tests share, and registers each thread while it runs.
pub(crate) fn register_threads_of(builder: &mut Builder) -> &mut Builder {
    let start = || {
        threads().insert(this_thread());
        begin_thread();
    };
    let stop = || {
        threads().remove(&this_thread());
    };
    builder.on_thread_start(start).on_thread_stop(stop)
}

/// Whether a thread belongs to the harness or to a shared runtime.
#[must_use]
pub(crate) fn is_own_thread(thread: u32) -> bool {
    threads().contains(&thread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn harness_thread_is_registered_while_it_runs() {
        let (sender, receiver) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let work = move || {
            let _ = sender.send(this_thread());
            let _ = ended.recv();
            let _ = sender.send(this_thread());
        };
        spawn_own_thread("itest-own", work).unwrap();
        let thread = receiver.recv().unwrap();
        assert!(is_own_thread(thread) && !is_own_thread(this_thread()));
        drop(end);
        receiver.recv().unwrap();
        // The thread sends its last message a moment before it is removed from the set.
        while is_own_thread(thread) {
            std::thread::yield_now();
        }
    }
}
