//! What itest does in the background, to be told from what tests start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// The background tasks of this thread's worker, which begins all of them.
    static TASKS: Arc<AtomicUsize> = Arc::default();
}

/// One task of itest's own, while it lives.
struct Task(Arc<AtomicUsize>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A task of itest's own, which belongs to no test.
pub(crate) fn background<F: Future>(task: F) -> impl Future<Output = F::Output> + use<F> {
    let tasks = TASKS.with(Arc::clone);
    tasks.fetch_add(1, Ordering::Relaxed);
    let counted = Task(tasks);
    async move {
        let _counted = counted;
        task.await
    }
}

/// How many there are in this thread's worker, whatever kind of database they are for.
#[cfg(feature = "postgres")]
pub(crate) fn background_tasks() -> usize {
    TASKS.with(|tasks| tasks.load(Ordering::Relaxed))
}
