//! A pool of one connection that stays inside of a transaction.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPool};

use super::generation::Generation;
use super::pool::pool_options;

/// How long the code under test waits for the only connection. Code that already has it would wait forever.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Measures how long the code under test holds the only connection at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct HoldTimer {
    times: Arc<Mutex<Times>>,
}

#[derive(Debug, Default)]
struct Times {
    since: Option<Instant>,
    longest: Duration,
}

impl HoldTimer {
    fn begin(&self) {
        self.times().since = Some(Instant::now());
    }

    fn end(&self) {
        let mut times = self.times();
        let elapsed = times.since.take().map(|since| since.elapsed()).unwrap_or_default();
        times.longest = times.longest.max(elapsed);
    }

    /// A possible reason why a test failed: it held its connection longer than the acquire timeout, so code that waited for the connection
    /// got an error. The longest time is reset for the next test.
    pub(super) fn suspicion(&self) -> Option<String> {
        self.end();
        let longest = std::mem::take(&mut self.times().longest);
        (longest >= ACQUIRE_TIMEOUT).then(|| {
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

/// A pool of one connection that is in a transaction from its beginning. Transactions that the code begins become savepoints.
pub(super) fn pool_in_transaction(
    options: PgConnectOptions,
    generation: &Generation,
    hold_timer: &HoldTimer,
) -> PgPool {
    let (connecting, acquiring) = (generation.clone(), generation.clone());
    let (connected, acquired, released) = (hold_timer.clone(), hold_timer.clone(), hold_timer.clone());
    pool_options()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(move |connection, _| {
            let checked = connecting.check_task();
            connected.begin();
            Box::pin(async move {
                checked?;
                // The transaction object is forgotten, because its destructor would roll back. A transaction that sqlx begins later is
                // nested in this one.
                std::mem::forget(connection.begin().await?);
                Ok(())
            })
        })
        .before_acquire(move |_, _| {
            let checked = acquiring.check_task().map(|()| true);
            acquired.begin();
            Box::pin(async move { checked })
        })
        .after_release(move |_, _| {
            released.end();
            Box::pin(async { Ok(true) })
        })
        .connect_lazy_with(options)
}

/// Opens the transaction of a test on its only connection. A new connection has already opened it.
pub(super) async fn begin(pool: &PgPool) -> Result<(), sqlx::Error> {
    let is_new = pool.size() == 0;
    let mut connection = pool.acquire().await?;
    if !is_new {
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
    }
    connection.return_to_pool().await;
    Ok(())
}
