//! Which tasks may use a pool: those of the test that has it now, and none that an earlier test left running.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::{self, Id, LocalSet};

/// The test that has a pool now. Clones belong to the same pool.
///
/// A task that outlives its test may hold the pool, which the next test is given, too. Tokio counts its tasks, so whatever has a
/// smaller number than a task that was started between the two tests is older than the second one. Tokio does not promise that; a
/// test here notices when it changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Era {
    first: Arc<AtomicU64>,
}

impl Era {
    /// No test has the pool now, and no task may use it.
    pub(super) fn end(&self) {
        self.first.store(u64::MAX, Ordering::Relaxed);
    }

    /// Another test is about to begin: what runs now is of earlier ones.
    pub(super) fn begin(&self) {
        // Nobody ever runs it: it is there for its number.
        let now = LocalSet::new().spawn_local(async {});
        self.first.store(number(now.id()), Ordering::Relaxed);
    }

    /// Refuses a task of an earlier test. What runs outside of tasks is the test itself.
    pub(super) fn admit(&self) -> Result<(), sqlx::Error> {
        match task::try_id() {
            Some(id) if number(id) < self.first.load(Ordering::Relaxed) => {
                let told = "this task was started by an earlier test, and its database is another test's now";
                Err(sqlx::Error::Configuration(told.into()))
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
    async fn a_task_of_an_earlier_test_is_refused() {
        let era = Era::default();
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        let asked = era.clone();
        let early = tokio::spawn(async move {
            let _ = gone.await;
            asked.admit().is_ok()
        });
        era.begin();
        let asked = era.clone();
        let late = tokio::spawn(async move { asked.admit().is_ok() });
        go.send(()).unwrap();
        assert!(!early.await.unwrap() && late.await.unwrap() && era.admit().is_ok());
        era.end();
        let between = tokio::spawn(async move { era.admit().is_ok() });
        assert!(!between.await.unwrap());
    }
}
