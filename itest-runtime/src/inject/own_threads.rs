//! The threads of the harness, and of the runtimes that tests share with it. They start and end at any time, so that they are no leaks.
//!
//! They are not known by their names, because a thread without a name inherits that of the thread which started it.

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

/// What each thread of a runtime does first.
static FIRST: OnceLock<fn()> = OnceLock::new();

/// From now on, threads of runtimes begin with this.
#[cfg(feature = "tracing")]
pub(crate) fn begin_threads_with(first: fn()) {
    // A process has one worker, which says so once.
    let _ = FIRST.set(first);
}

fn begin_thread() {
    if let Some(first) = FIRST.get() {
        first();
    }
}

/// Prepares the threads of a runtime that one test has for itself: threads that remain are leaks of that test.
pub(crate) fn begin_threads_of(builder: &mut Builder) -> &mut Builder {
    builder.on_thread_start(begin_thread)
}

/// Prepares the threads of a runtime that tests share, and registers them from their beginning to their end.
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

/// Whether a thread belongs to one of these runtimes.
#[must_use]
pub(crate) fn is_own_thread(thread: u32) -> bool {
    threads().contains(&thread)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn thread_of_the_harness_is_known_while_it_runs() {
        let (tell, told) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let work = move || {
            let _ = tell.send(this_thread());
            let _ = ended.recv();
            let _ = tell.send(this_thread());
        };
        spawn_own_thread("itest-own", work).unwrap();
        let thread = told.recv().unwrap();
        assert!(is_own_thread(thread) && !is_own_thread(this_thread()));
        drop(end);
        told.recv().unwrap();
        // The channel closes when the work is dropped, a moment before the thread is forgotten.
        while is_own_thread(thread) {
            std::thread::yield_now();
        }
    }
}
