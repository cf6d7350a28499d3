//! Other transactions on the database of the bank: they hold locks, and tests wait until sessions of the bank are blocked by them.

use std::time::{Duration, Instant};

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::fixtures::Result;

/// A transaction that is not the bank's. It ends with `rollback`, with `commit`, or when it is dropped.
pub(crate) type OpenTransaction = Transaction<'static, Postgres>;

/// Executes statements in a transaction, and leaves it open.
pub(crate) async fn open_transaction(pool: &PgPool, statements: &str) -> Result<OpenTransaction> {
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Blocks every transfer before its first entry: by then it has read and locked its accounts, and committed nothing.
pub(crate) async fn block_entries(pool: &PgPool) -> Result<OpenTransaction> {
    open_transaction(pool, "LOCK TABLE entry IN SHARE MODE").await
}

/// The sessions of this database that wait for a lock.
async fn waiting(pool: &PgPool) -> Result<Vec<i32>> {
    let waiting = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'",
    );
    Ok(waiting.fetch_all(pool).await?)
}

/// Waits until exactly `count` sessions wait for a lock, and returns them.
pub(crate) async fn wait_for_blocked_sessions(pool: &PgPool, count: usize) -> Result<Vec<i32>> {
    eventually(async || waiting(pool).await, |waiting| waiting.len() == count).await
}

/// Reads a value again and again until it is as expected, at most ten seconds.
pub(crate) async fn eventually<T>(
    mut read: impl AsyncFnMut() -> Result<T>,
    is_expected: impl Fn(&T) -> bool,
) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let value = read().await?;
        if is_expected(&value) {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err("the expected value did not appear in ten seconds".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
