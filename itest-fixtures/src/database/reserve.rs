//! Databases in reserve: those that are free, one that is made ahead, and those that are on their way out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};

use itest_runtime::Error;

/// So long the end of a worker waits for databases that are being dropped.
const FAREWELL: Duration = Duration::from_secs(5);

/// Makes databases on a server, and drops them.
pub(crate) trait Maker: Send + Sync + Sized + 'static {
    /// A database that no test uses.
    type Made: Send + 'static;

    /// Makes one.
    fn make(&self) -> impl Future<Output = Result<Self::Made, Error>> + Send;

    /// Takes leave of one, without dropping it.
    fn leave(made: Self::Made) -> impl Future<Output = ()> + Send;

    /// Takes leave of one, and drops it.
    fn remove(&self, made: Self::Made) -> impl Future<Output = Result<(), Error>> + Send;

    /// Called with everything that goes on in the background, where somebody must tell it from what tests start.
    fn own<F: Future + Send + 'static>(&self, task: F) -> impl Future<Output = F::Output> + Send + 'static {
        task
    }
}

/// The databases of a maker that no test uses now.
pub(crate) struct Reserve<M: Maker>(Mutex<Contents<M::Made>>);

struct Contents<T> {
    free: Vec<T>,
    ahead: Option<JoinHandle<Result<T, Error>>>,
    leaving: JoinSet<Result<(), Error>>,
}

impl<M: Maker> Default for Reserve<M> {
    fn default() -> Self {
        Self(Mutex::new(Contents { free: Vec::new(), ahead: None, leaving: JoinSet::new() }))
    }
}

impl<M: Maker> Reserve<M> {
    /// One that is free, or made ahead, or made now.
    pub(crate) async fn take(&self, maker: &M) -> Result<M::Made, Error> {
        let (free, ahead) = {
            let mut contents = self.contents();
            let free = contents.free.pop();
            let ahead = if free.is_none() { contents.ahead.take() } else { None };
            (free, ahead)
        };
        if let Some(free) = free {
            return Ok(free);
        }
        // If it could not be made ahead, it is tried again now, and the error is this test's.
        match ahead {
            Some(ahead) => match ahead.await {
                Ok(Ok(made)) => Ok(made),
                _ => maker.make().await,
            },
            None => maker.make().await,
        }
    }

    /// One is free again.
    pub(crate) fn put_back(&self, made: M::Made) {
        self.contents().free.push(made);
    }

    /// Begins to make one, if that has not begun.
    pub(crate) fn make_ahead(&self, maker: &Arc<M>) {
        let making = Arc::clone(maker);
        let mut contents = self.contents();
        if contents.ahead.is_none() {
            contents.ahead = Some(tokio::spawn(maker.own(async move { making.make().await })));
        }
    }

    /// Begins to drop one.
    pub(crate) fn drop_behind(&self, maker: &Arc<M>, made: M::Made) {
        let dropping = Arc::clone(maker);
        let mut contents = self.contents();
        while contents.leaving.try_join_next().is_some() {}
        contents.leaving.spawn(maker.own(async move { dropping.remove(made).await }));
    }

    /// Takes leave of all. Where nothing on the server outlives the run, nobody waits for what is being dropped; elsewhere what takes
    /// too long is for whoever gives back everything of an owner.
    pub(crate) async fn clear(&self, is_private: bool) {
        let (free, ahead, mut leaving) = {
            let mut contents = self.contents();
            (std::mem::take(&mut contents.free), contents.ahead.take(), std::mem::take(&mut contents.leaving))
        };
        if let Some(ahead) = ahead {
            ahead.abort();
            let _ = ahead.await;
        }
        for made in free {
            M::leave(made).await;
        }
        if !is_private {
            let all = async { while leaving.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(FAREWELL, all).await;
        }
        leaving.shutdown().await;
    }

    fn contents(&self) -> MutexGuard<'_, Contents<M::Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
