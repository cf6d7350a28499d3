//! Restricts a pool to the tasks of the current test, so that tasks of earlier tests cannot use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::{self, Id, LocalSet};

/// The generation of tasks that may use a pool: the tasks of the current test. Clones belong to the same pool.
///
/// A task that outlives its test may still have the pool, which the next test uses too. Tokio numbers its tasks in the order of their
/// start. A task with a smaller number than a task that was started between two tests is therefore older than the second test. Tokio does
/// not guarantee this order; a unit test in this file fails if it changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Generation {
    first_task: Arc<AtomicU64>,
}

impl Generation {
    /// Ends the generation: no test has the pool, so no task may use it.
    pub(super) fn end(&self) {
        self.first_task.store(u64::MAX, Ordering::Relaxed);
    }

    /// Begins the generation of the next test: all tasks that exist now are older.
    pub(super) fn begin(&self) {
        // This task never runs; it is created only for its number.
        let marker = LocalSet::new().spawn_local(async {});
        self.first_task.store(number(marker.id()), Ordering::Relaxed);
    }

    /// Refuses a task of an earlier test. Code outside of tasks belongs to the test itself.
    pub(super) fn check_task(&self) -> Result<(), sqlx::Error> {
        match task::try_id() {
            Some(id) if number(id) < self.first_task.load(Ordering::Relaxed) => {
                let message = "this task was started by an earlier test, and its database is another test's now";
                Err(sqlx::Error::Configuration(message.into()))
            }
            _ => Ok(()),
        }
    }
}

fn number(id: Id) -> u64 {
    id.to_string().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn task_of_an_earlier_test_is_refused() {
        let generation = Generation::default();
        let (start, started) = tokio::sync::oneshot::channel::<()>();
        let checked = generation.clone();
        let early = tokio::spawn(async move {
            let _ = started.await;
            checked.check_task().is_ok()
        });
        generation.begin();
        let checked = generation.clone();
        let late = tokio::spawn(async move { checked.check_task().is_ok() });
        start.send(()).unwrap();
        assert!(!early.await.unwrap() && late.await.unwrap() && generation.check_task().is_ok());
        generation.end();
        let between = tokio::spawn(async move { generation.check_task().is_ok() });
        assert!(!between.await.unwrap());
    }
}
