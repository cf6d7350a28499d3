//! Other transactions on the database of the bank: they hold locks, and tests wait until sessions of the bank are blocked by them.

use itest::prelude::*;
use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Postgres, Transaction};

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
    let enough = |waiting: &Result<Vec<i32>>| waiting.as_ref().is_ok_and(|waiting| waiting.len() == count);
    eventually(|| waiting(pool)).until(enough).await?
}
