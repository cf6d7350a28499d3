//! Tasks that outlive their test: those that are alive and were not when there was no test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

/// Tasks that give back connections end by themselves, and have so long for it.
const SETTLING: [u64; 6] = [0, 0, 1, 1, 2, 4];

/// Counts the tasks of a worker.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// Those of the fixture itself, which belong to no test.
    own: Arc<AtomicUsize>,
    /// The fewest that were ever there.
    floor: AtomicUsize,
}

/// One of the fixture's own tasks.
struct Own(Arc<AtomicUsize>);

impl Drop for Own {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tasks {
    /// As many as there are now are nobody's.
    pub(super) fn begin() -> Self {
        let tasks = Self::default();
        tasks.floor.store(tasks.others(), Ordering::Relaxed);
        tasks
    }

    /// Whether there are more than there ever were without a test; what is about to end is waited for.
    ///
    /// The fewest, and not as many as when the test began: a task that ended meanwhile would hide one that was left.
    pub(super) async fn are_left(&self) -> bool {
        for wait in SETTLING {
            let others = self.others();
            if others <= self.floor.fetch_min(others, Ordering::Relaxed) {
                return false;
            }
            match wait {
                0 => tokio::task::yield_now().await,
                wait => tokio::time::sleep(Duration::from_millis(wait)).await,
            }
        }
        true
    }

    /// One of the fixture's own, which belongs to no test.
    pub(super) fn owned<F: Future>(&self, task: F) -> impl Future<Output = F::Output> + use<F> {
        self.own.fetch_add(1, Ordering::Relaxed);
        let own = Own(Arc::clone(&self.own));
        async move {
            let done = task.await;
            drop(own);
            done
        }
    }

    fn others(&self) -> usize {
        Handle::current().metrics().num_alive_tasks().saturating_sub(self.own.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_outlives_its_test_is_noticed_and_a_short_one_is_not() {
        let tasks = Tasks::begin();
        let own = tokio::spawn(tasks.owned(std::future::pending::<()>()));
        tokio::spawn(async {});
        assert!(!tasks.are_left().await);
        let left = tokio::spawn(std::future::pending::<()>());
        own.abort();
        assert!(tasks.are_left().await);
        left.abort();
        assert!(!tasks.are_left().await);
    }
}
