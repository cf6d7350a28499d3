//! Tasks that outlive their test: those that are alive and were not when there was no test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use itest_runtime::__private::tasks_of_tests;

/// Tasks that give back connections end by themselves, and have so long for it.
const SETTLING: [u64; 6] = [0, 0, 1, 1, 2, 4];

/// Counts the tasks of a worker.
#[derive(Debug)]
pub(super) struct Tasks {
    /// The fewest that were ever there.
    floor: AtomicUsize,
}

impl Tasks {
    /// As many as there are now are nobody's.
    pub(super) fn begin() -> Self {
        Self { floor: AtomicUsize::new(tasks_of_tests()) }
    }

    /// A test is about to begin, and has started none yet.
    pub(super) fn look(&self) {
        self.floor.fetch_min(tasks_of_tests(), Ordering::Relaxed);
    }

    /// Whether there are more than there ever were without a test; what is about to end is waited for.
    ///
    /// The fewest, and not as many as when the test began: a task that ended meanwhile would hide one that was left.
    pub(super) async fn are_left(&self) -> bool {
        for wait in SETTLING {
            let others = tasks_of_tests();
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
}

#[cfg(test)]
mod tests {
    use itest_runtime::__private::background;

    use super::*;

    #[tokio::test]
    async fn a_task_that_outlives_its_test_is_noticed_and_a_short_one_is_not() {
        let tasks = Tasks::begin();
        let own = background().spawn(std::future::pending::<()>());
        tokio::spawn(async {});
        assert!(!tasks.are_left().await);
        let left = tokio::spawn(std::future::pending::<()>());
        own.abort();
        assert!(tasks.are_left().await);
        left.abort();
        assert!(!tasks.are_left().await);
    }

    #[tokio::test]
    async fn what_ends_in_the_background_hides_nothing() {
        let own = background().spawn(std::future::pending::<()>());
        let tasks = Tasks::begin();
        own.abort();
        let _ = own.await;
        let _left = tokio::spawn(std::future::pending::<()>());
        assert!(tasks.are_left().await);
    }

    #[tokio::test]
    async fn what_ended_before_the_test_hides_nothing() {
        let other = tokio::spawn(std::future::pending::<()>());
        let tasks = Tasks::begin();
        other.abort();
        let _ = other.await;
        tasks.look();
        let _left = tokio::spawn(std::future::pending::<()>());
        assert!(tasks.are_left().await);
    }
}
