//! The databases that no test uses: idle ones, one that is created ahead, and those that are being dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use itest_runtime::__private::background;
use itest_runtime::Error;

/// How long a worker waits at its end for databases that are being dropped.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum number of databases that wait to be dropped. A server that waits for its disk creates databases faster than it drops them,
/// and without a limit they would pile up.
const MAX_DROPPING: usize = 8;

/// Creates and drops databases on a server.
pub(crate) trait Maker: Send + Sync + Sized + 'static {
    /// The type of a database.
    type Made: Send + 'static;

    /// Creates a database.
    fn make(&self) -> impl Future<Output = Result<Self::Made, Error>> + Send;

    /// Whether a database is still in its first state. A restarted server may have lost the latest writes.
    fn is_unchanged(&self, made: &mut Self::Made) -> impl Future<Output = bool> + Send;

    /// Closes the connections to a database without dropping it.
    fn close(made: Self::Made) -> impl Future<Output = ()> + Send;

    /// Closes the connections to a database, and drops it.
    fn discard(&self, made: Self::Made) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The databases of a maker that no test uses.
pub(crate) struct IdleDatabases<M: Maker> {
    contents: Mutex<Contents<M::Made>>,
    drop_permits: Arc<Semaphore>,
}

struct Contents<T> {
    free: Vec<T>,
    ahead: Option<JoinHandle<Result<T, Error>>>,
    dropping_tasks: JoinSet<Result<(), Error>>,
}

/// What happens to the drops that run when a pool is cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunningDrops {
    /// They are waited for.
    Finish,
    /// They are abandoned, because the server ends with the run and its databases with it.
    Abandon,
}

impl<M: Maker> Default for IdleDatabases<M> {
    fn default() -> Self {
        let contents = Mutex::new(Contents { free: Vec::new(), ahead: None, dropping_tasks: JoinSet::new() });
        Self { contents, drop_permits: Arc::new(Semaphore::new(MAX_DROPPING)) }
    }
}

impl<M: Maker> IdleDatabases<M> {
    /// Returns an idle database, or the one that was created ahead, or a new one.
    pub(crate) async fn take(&self, maker: &Arc<M>) -> Result<M::Made, Error> {
        while let Some(mut free) = self.free() {
            if maker.is_unchanged(&mut free).await {
                return Ok(free);
            }
            self.drop_later(maker, free).await;
        }
        let ahead = self.ahead();
        // If the creation ahead has failed, the database is created now, and an error is reported to this test.
        if let Some(ahead) = ahead
            && let Ok(Ok(mut made)) = ahead.await
        {
            if maker.is_unchanged(&mut made).await {
                return Ok(made);
            }
            self.drop_later(maker, made).await;
        }
        match maker.make().await {
            // The server may accept a new database after the others are dropped.
            Err(_) if self.wait_for_drops().await => maker.make().await,
            made => made,
        }
    }

    /// Waits for the databases that are being dropped. Returns whether there were any.
    async fn wait_for_drops(&self) -> bool {
        let mut dropping_tasks = std::mem::take(&mut self.contents().dropping_tasks);
        let were_any = !dropping_tasks.is_empty();
        while dropping_tasks.join_next().await.is_some() {}
        were_any
    }

    fn free(&self) -> Option<M::Made> {
        self.contents().free.pop()
    }

    fn ahead(&self) -> Option<JoinHandle<Result<M::Made, Error>>> {
        self.contents().ahead.take()
    }

    /// Adds a database that a test has given back.
    pub(crate) fn put_back(&self, made: M::Made) {
        self.contents().free.push(made);
    }

    /// Begins to create a database for the next test, unless that has begun.
    pub(crate) fn make_ahead(&self, maker: &Arc<M>) {
        let making = Arc::clone(maker);
        let mut contents = self.contents();
        if contents.ahead.is_none() {
            contents.ahead = Some(background().spawn(async move { making.make().await }));
        }
    }

    /// Begins to drop a database, as soon as the number of running drops is below the limit.
    pub(crate) async fn drop_later(&self, maker: &Arc<M>, made: M::Made) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.drop_permits).acquire_owned().await;
        let dropping = Arc::clone(maker);
        let mut contents = self.contents();
        while contents.dropping_tasks.try_join_next().is_some() {}
        let task = async move {
            let dropped = dropping.discard(made).await;
            drop(permit);
            dropped
        };
        contents.dropping_tasks.spawn_on(task, &background());
    }

    /// Closes all connections. If a drop that is waited for takes too long, the worker's entry in the ledger drops the database.
    pub(crate) async fn clear(&self, running_drops: RunningDrops) {
        let (free, ahead, mut dropping_tasks) = {
            let mut contents = self.contents();
            (std::mem::take(&mut contents.free), contents.ahead.take(), std::mem::take(&mut contents.dropping_tasks))
        };
        if let Some(ahead) = ahead {
            ahead.abort();
            let _ = ahead.await;
        }
        for made in free {
            M::close(made).await;
        }
        if running_drops == RunningDrops::Finish {
            let all = async { while dropping_tasks.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(DROP_TIMEOUT, all).await;
        }
        dropping_tasks.shutdown().await;
    }

    fn contents(&self) -> MutexGuard<'_, Contents<M::Made>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A maker whose drops wait for a permit.
    struct SlowMaker {
        may_drop: Semaphore,
        dropped: AtomicUsize,
    }

    impl Maker for SlowMaker {
        type Made = ();

        async fn make(&self) -> Result<(), Error> {
            Ok(())
        }

        async fn is_unchanged(&self, (): &mut ()) -> bool {
            true
        }

        async fn close((): ()) {}

        async fn discard(&self, (): ()) -> Result<(), Error> {
            let _permit = self.may_drop.acquire().await?;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[tokio::test]
    async fn maker_waits_when_too_many_databases_are_being_dropped() {
        let maker = Arc::new(SlowMaker { may_drop: Semaphore::new(0), dropped: AtomicUsize::new(0) });
        let idle = IdleDatabases::<SlowMaker>::default();
        for _ in 0..MAX_DROPPING {
            idle.drop_later(&maker, ()).await;
        }
        let mut one_more = Box::pin(idle.drop_later(&maker, ()));
        assert!(tokio::time::timeout(Duration::ZERO, &mut one_more).await.is_err());
        maker.may_drop.add_permits(1);
        one_more.await;
        assert!(maker.dropped.load(Ordering::Relaxed) >= 1);
        idle.clear(RunningDrops::Finish).await;
        assert_eq!(maker.dropped.load(Ordering::Relaxed), MAX_DROPPING + 1);
    }
}
