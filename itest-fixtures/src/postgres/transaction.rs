//! One connection in a transaction, posing as a pool.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPool};

use super::era::Era;
use super::pool::pool_options;

/// How long code waits for a connection that it holds itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the one connection was held without a break.
#[derive(Debug, Clone, Default)]
pub(super) struct Hold {
    times: Arc<Mutex<Times>>,
}

#[derive(Debug, Default)]
struct Times {
    since: Option<Instant>,
    longest: Duration,
}

impl Hold {
    fn begin(&self) {
        self.times().since = Some(Instant::now());
    }

    fn end(&self) {
        let mut times = self.times();
        let held = times.since.take().map(|since| since.elapsed()).unwrap_or_default();
        times.longest = times.longest.max(held);
    }

    /// What may have gone wrong in a test that failed, if it held its connection for so long that somebody gave up waiting for
    /// it. Another test begins.
    pub(super) fn suspicion(&self) -> Option<String> {
        self.end();
        let longest = std::mem::take(&mut self.times().longest);
        (longest >= PATIENCE).then(|| {
            format!(
                "with Isolation::Transaction there is one connection, and it was held for {longest:.1?} without a break: code that \
                 asks the pool for a second connection while it holds the first waits for itself; use Isolation::Recycle for it"
            )
        })
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pool of one connection that is in a transaction from its beginning; what the code begins itself are savepoints.
pub(super) fn pool_in_transaction(options: PgConnectOptions, era: &Era, hold: &Hold) -> PgPool {
    let (connecting, acquiring) = (era.clone(), era.clone());
    let (connected, acquired, released) = (hold.clone(), hold.clone(), hold.clone());
    pool_options()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .after_connect(move |connection, _| {
            let admitted = connecting.admit();
            connected.begin();
            Box::pin(async move {
                admitted?;
                // Forgotten, so that nobody ends it; what sqlx begins from now on is inside of it.
                std::mem::forget(connection.begin().await?);
                Ok(())
            })
        })
        .before_acquire(move |_, _| {
            let admitted = acquiring.admit().map(|()| true);
            acquired.begin();
            Box::pin(async move { admitted })
        })
        .after_release(move |_, _| {
            released.end();
            Box::pin(async { Ok(true) })
        })
        .connect_lazy_with(options)
}

/// Opens a transaction around everything that a test will do on its one connection, unless a new connection has done so.
pub(super) async fn begin(pool: &PgPool) -> Result<(), sqlx::Error> {
    let is_new = pool.size() == 0;
    let mut connection = pool.acquire().await?;
    if !is_new {
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    }
    connection.return_to_pool().await;
    Ok(())
}
