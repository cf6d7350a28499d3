//! Detects tasks that outlive their test, by the number of living tasks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use itest_runtime::__private::tasks_of_tests;

/// The pauses between the checks. Tasks that return connections end by themselves within this time. A pause of zero yields to other tasks
/// once.
const SETTLE_PAUSES: [Duration; 6] = [
    Duration::ZERO,
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
];

/// Counts the tasks of a worker.
#[derive(Debug)]
pub(super) struct TaskCount {
    /// The smallest number of tasks that was ever observed.
    baseline: AtomicUsize,
}

impl TaskCount {
    /// Takes the current number as the baseline, because no test has started a task yet.
    pub(super) fn new() -> Self {
        Self { baseline: AtomicUsize::new(tasks_of_tests()) }
    }

    /// Lowers the baseline before a test begins. No running test has started a task at this moment.
    pub(super) fn update_baseline(&self) {
        self.baseline.fetch_min(tasks_of_tests(), Ordering::Relaxed);
    }

    /// Whether more tasks are alive than the baseline allows. It waits for tasks that are about to end.
    ///
    /// The baseline is the smallest number ever observed, and not the number at the beginning of the test: if an older task ended during
    /// the test, that number would hide a task that the test left.
    pub(super) async fn has_leftovers(&self) -> bool {
        for pause in SETTLE_PAUSES {
            let count = tasks_of_tests();
            if count <= self.baseline.fetch_min(count, Ordering::Relaxed) {
                return false;
            }
            if pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
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
    async fn task_that_outlives_its_test_is_reported_and_a_short_one_is_not() {
        let tasks = TaskCount::new();
        let own = background().spawn(std::future::pending::<()>());
        tokio::spawn(async {});
        assert!(!tasks.has_leftovers().await);
        let leftover = tokio::spawn(std::future::pending::<()>());
        own.abort();
        assert!(tasks.has_leftovers().await);
        leftover.abort();
        assert!(!tasks.has_leftovers().await);
    }

    #[tokio::test]
    async fn background_task_that_ends_does_not_hide_a_leftover_task() {
        let own = background().spawn(std::future::pending::<()>());
        let tasks = TaskCount::new();
        own.abort();
        let _ = own.await;
        let _leftover = tokio::spawn(std::future::pending::<()>());
        assert!(tasks.has_leftovers().await);
    }

    #[tokio::test]
    async fn task_that_ended_before_the_test_does_not_hide_a_leftover_task() {
        let other = tokio::spawn(std::future::pending::<()>());
        let tasks = TaskCount::new();
        other.abort();
        let _ = other.await;
        tasks.update_baseline();
        let _leftover = tokio::spawn(std::future::pending::<()>());
        assert!(tasks.has_leftovers().await);
    }
}
