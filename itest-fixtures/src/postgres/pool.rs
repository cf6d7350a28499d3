//! The pool of connections of a test, and the reset of its sessions between two tests.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Row};

use super::generation::Generation;
use crate::database::close_pool;

/// At most this many connections of a test are kept for the next test. A connection returns to its pool a little later than its user drops
/// it, so even a test that uses one connection at a time sometimes opens a third one. Opening a connection costs several times as much as
/// keeping it.
const MAX_KEPT: usize = 3;

/// How long a dropped connection may take to return to its pool.
const RETURN_TIMEOUT: Duration = Duration::from_millis(100);

/// The pause between two checks whether the connections have returned.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long a connection, or the connections of a pool, may take to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Resets a session as if it had ended, but keeps the statements that sqlx has prepared, and publishes the session's counts. The result is
/// the id of the session. It is null if the test left the session inside of a transaction, or left a temporary table or a prepared
/// statement, because only the end of the session removes those.
const RESET: &str = "
    CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; UNLISTEN *; DISCARD SEQUENCES;
    SELECT CASE WHEN now() = statement_timestamp() AND pg_my_temp_schema() = 0
                     AND NOT EXISTS (SELECT FROM pg_prepared_statement() WHERE from_sql) THEN pg_backend_pid() END,
           pg_advisory_unlock_all(), pg_stat_force_next_flush();";

/// A pool that keeps its connections, for the tasks of the current test only.
pub(super) fn pool_of(options: PgConnectOptions, max_connections: u32, generation: &Generation) -> PgPool {
    let (connecting, acquiring) = (generation.clone(), generation.clone());
    pool_options()
        .max_connections(max_connections)
        .after_connect(move |_, _| {
            let checked = connecting.check_task();
            Box::pin(async move { checked })
        })
        .before_acquire(move |_, _| {
            let checked = acquiring.check_task().map(|()| true);
            Box::pin(async move { checked })
        })
        .connect_lazy_with(options)
}

/// Options of a pool that keeps its connections until it is closed.
pub(super) fn pool_options() -> PgPoolOptions {
    PgPoolOptions::new().idle_timeout(None).max_lifetime(None)
}

/// Whether the test's only connection has been in a transaction since the test began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestTransaction {
    Absent,
    Open,
}

/// Whether all connections of a pool have returned after a test.
#[derive(Debug)]
pub(super) enum Returned {
    /// All have returned and are reset: the ids of the sessions, and the connections, which the caller returns to the pool.
    All(Vec<i32>, Vec<PoolConnection<sqlx::Postgres>>),
    /// The test still uses this number of connections.
    Missing(usize),
}

/// Resets the sessions of a pool, each as soon as its connection has returned.
pub(super) async fn reset(pool: &PgPool, transaction: TestTransaction) -> Returned {
    let (mut sessions, mut kept) = (Vec::new(), Vec::new());
    let mut since = Instant::now();
    loop {
        let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
        if idle.is_empty() {
            let missing = (pool.size() as usize).saturating_sub(kept.len());
            match since.elapsed() {
                _ if missing == 0 => return Returned::All(sessions, kept),
                // Most connections return with the next step of a task, so the loop yields first, and sleeps only if that takes longer.
                waited if waited < POLL_INTERVAL => tokio::task::yield_now().await,
                waited if waited < RETURN_TIMEOUT => tokio::time::sleep(POLL_INTERVAL).await,
                _ => return Returned::Missing(missing),
            }
            continue;
        }
        let free_slots = MAX_KEPT.saturating_sub(kept.len());
        let resets = idle.into_iter().enumerate().map(|(index, mut connection)| async move {
            if index < free_slots
                && let Some(session) = reset_session(&mut connection, transaction).await
            {
                return Some((session, connection));
            }
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await;
            None
        });
        for (session, connection) in join_all(resets).await.into_iter().flatten() {
            sessions.push(session);
            kept.push(connection);
        }
        since = Instant::now();
    }
}

/// Returns connections to their pool before the next test begins. When they are dropped, sqlx returns them in tasks that may run later.
pub(super) async fn give_back(connections: Vec<PoolConnection<sqlx::Postgres>>) {
    join_all(connections.into_iter().map(|mut connection| async move { connection.return_to_pool().await })).await;
}

/// Resets a session. Returns its id, or `None` if the session cannot be used again.
async fn reset_session(connection: &mut PgConnection, transaction: TestTransaction) -> Option<i32> {
    match (transaction, connection.is_in_transaction()) {
        (TestTransaction::Absent, false) => {}
        // The statement is sent as text, so sqlx still counts the transaction as open, and the next test begins its transaction on the same
        // connection.
        (TestTransaction::Open, true) => {
            sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.ok()?;
        }
        _ => return None,
    }
    sqlx::raw_sql(RESET).fetch_one(connection).await.ok()?.try_get(0).ok()
}

/// Closes a pool, even if a test still uses some of its connections.
pub(super) async fn close(pool: &PgPool) {
    close_pool(pool, CLOSE_TIMEOUT).await;
}
