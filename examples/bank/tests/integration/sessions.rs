//! Somebody else at the same database: sessions that hold locks, and a look at who waits for them.

use itest::prelude::*;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

/// A transaction of somebody else. It ends with `rollback`, `commit`, or when it is dropped.
pub(crate) type Somebody = Transaction<'static, Postgres>;

/// Does something in a transaction, and leaves it open.
pub(crate) async fn somebody(pool: &PgPool, statements: &str) -> Result<Somebody> {
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Lets every transfer come as far as its first entry: it has read and locked what it wants to, and committed nothing.
pub(crate) async fn somebody_who_stops_entries(pool: &PgPool) -> Result<Somebody> {
    somebody(pool, "LOCK TABLE entry IN SHARE MODE").await
}

/// The sessions of this database that wait for a lock.
async fn waiting(pool: &PgPool) -> Result<Vec<i32>> {
    let waiting = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity
         WHERE datname = current_database() AND backend_type = 'client backend' AND wait_event_type = 'Lock'",
    );
    Ok(waiting.fetch_all(pool).await?)
}

/// The sessions that wait for a lock, when there are so many of them.
pub(crate) async fn until_waiting(pool: &PgPool, count: usize) -> Result<Vec<i32>> {
    let enough = |waiting: &Result<Vec<i32>>| waiting.as_ref().is_ok_and(|waiting| waiting.len() == count);
    eventually(|| waiting(pool)).until(enough).await?
}
