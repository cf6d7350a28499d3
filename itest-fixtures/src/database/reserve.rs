//! Databases in reserve: those that are free, one that is made ahead, and those that are on their way out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use itest_runtime::Error;

use super::background::background;

/// So long the end of a worker waits for databases that are being dropped.
const FAREWELL: Duration = Duration::from_secs(5);

/// So many databases may be on their way out: a server that waits for its disk makes them faster than it drops them, and whoever goes
/// first would leave a mountain behind.
const ON_THEIR_WAY: usize = 8;

/// Makes databases on a server, and drops them.
pub(crate) trait Maker: Send + Sync + Sized + 'static {
    /// A database that no test uses.
    type Made: Send + 'static;

    /// Makes one.
    fn make(&self) -> impl Future<Output = Result<Self::Made, Error>> + Send;

    /// Whether one is still as it was when it was put back or made: a server that was restarted may have lost what was written last.
    fn is_as_new(&self, made: &mut Self::Made) -> impl Future<Output = bool> + Send;

    /// Takes leave of one, without dropping it.
    fn leave(made: Self::Made) -> impl Future<Output = ()> + Send;

    /// Takes leave of one, and drops it.
    fn remove(&self, made: Self::Made) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The databases of a maker that no test uses now.
pub(crate) struct Reserve<M: Maker> {
    contents: Mutex<Contents<M::Made>>,
    way_out: Arc<Semaphore>,
}

struct Contents<T> {
    free: Vec<T>,
    ahead: Option<JoinHandle<Result<T, Error>>>,
    leaving: JoinSet<Result<(), Error>>,
}

impl<M: Maker> Default for Reserve<M> {
    fn default() -> Self {
        let contents = Mutex::new(Contents { free: Vec::new(), ahead: None, leaving: JoinSet::new() });
        Self { contents, way_out: Arc::new(Semaphore::new(ON_THEIR_WAY)) }
    }
}

impl<M: Maker> Reserve<M> {
    /// One that is free, or made ahead, or made now.
    pub(crate) async fn take(&self, maker: &Arc<M>) -> Result<M::Made, Error> {
        while let Some(mut free) = self.free() {
            if maker.is_as_new(&mut free).await {
                return Ok(free);
            }
            self.drop_behind(maker, free).await;
        }
        let ahead = self.ahead();
        // If it could not be made ahead, it is tried again now, and the error is this test's.
        if let Some(ahead) = ahead
            && let Ok(Ok(mut made)) = ahead.await
        {
            if maker.is_as_new(&mut made).await {
                return Ok(made);
            }
            self.drop_behind(maker, made).await;
        }
        match maker.make().await {
            // There may be room for one when those are gone that are on their way out.
            Err(_) if self.have_left().await => maker.make().await,
            made => made,
        }
    }

    /// Waits for those that are being dropped; whether there were any.
    async fn have_left(&self) -> bool {
        let mut leaving = std::mem::take(&mut self.contents().leaving);
        let were_any = !leaving.is_empty();
        while leaving.join_next().await.is_some() {}
        were_any
    }

    fn free(&self) -> Option<M::Made> {
        self.contents().free.pop()
    }

    fn ahead(&self) -> Option<JoinHandle<Result<M::Made, Error>>> {
        self.contents().ahead.take()
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
            contents.ahead = Some(tokio::spawn(background(async move { making.make().await })));
        }
    }

    /// Begins to drop one, when there are not too many on their way out.
    pub(crate) async fn drop_behind(&self, maker: &Arc<M>, made: M::Made) {
        // It is never closed; whoever is dropped without leave is dropped all the same.
        let leave = Arc::clone(&self.way_out).acquire_owned().await;
        let dropping = Arc::clone(maker);
        let mut contents = self.contents();
        while contents.leaving.try_join_next().is_some() {}
        contents.leaving.spawn(background(async move {
            let dropped = dropping.remove(made).await;
            drop(leave);
            dropped
        }));
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
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Drops nothing until it may.
    struct Slow {
        may_drop: Semaphore,
        dropped: AtomicUsize,
    }

    impl Maker for Slow {
        type Made = ();

        async fn make(&self) -> Result<(), Error> {
            Ok(())
        }

        async fn is_as_new(&self, (): &mut ()) -> bool {
            true
        }

        async fn leave((): ()) {}

        async fn remove(&self, (): ()) -> Result<(), Error> {
            let _turn = self.may_drop.acquire().await?;
            self.dropped.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[tokio::test]
    async fn who_makes_databases_faster_than_they_are_dropped_waits() {
        let maker = Arc::new(Slow { may_drop: Semaphore::new(0), dropped: AtomicUsize::new(0) });
        let reserve = Reserve::<Slow>::default();
        for _ in 0..ON_THEIR_WAY {
            reserve.drop_behind(&maker, ()).await;
        }
        let mut one_more = Box::pin(reserve.drop_behind(&maker, ()));
        assert!(tokio::time::timeout(Duration::ZERO, &mut one_more).await.is_err());
        maker.may_drop.add_permits(1);
        one_more.await;
        assert!(maker.dropped.load(Ordering::Relaxed) >= 1);
        reserve.clear(false).await;
        assert_eq!(maker.dropped.load(Ordering::Relaxed), ON_THEIR_WAY + 1);
    }
}
