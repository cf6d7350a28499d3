//! The pool that a test is given, and what its sessions keep between two tests.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Row};

use super::era::Era;
use crate::database::close_pool;

/// Connections that a test opened are kept for the next one up to this number. A pool gets its connections back a little later than
/// they are given back, so that also a test which does one thing after the other needs a third one now and then; a new one costs several
/// times what it costs to keep it.
const MAX_KEPT: usize = 3;

/// How long a connection may take to come back to its pool.
const RETURN_TIMEOUT: Duration = Duration::from_millis(100);

/// The pause between two checks whether connections have come back.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long a connection, or the connections of a pool, may take to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a session's end would do, but for the statements that sqlx has prepared; its counts are written down. Then its number, or none
/// if it was in a transaction of somebody's own, or anything is left that only the session's end takes away.
const RESET: &str = "
    CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; UNLISTEN *; DISCARD SEQUENCES;
    SELECT CASE WHEN now() = statement_timestamp() AND pg_my_temp_schema() = 0
                     AND NOT EXISTS (SELECT FROM pg_prepared_statement() WHERE from_sql) THEN pg_backend_pid() END,
           pg_advisory_unlock_all(), pg_stat_force_next_flush();";

/// A pool that keeps its connections.
pub(super) fn pool_of(options: PgConnectOptions, most: u32, era: &Era) -> PgPool {
    let (connecting, acquiring) = (era.clone(), era.clone());
    pool_options()
        .max_connections(most)
        .after_connect(move |_, _| {
            let admitted = connecting.admit();
            Box::pin(async move { admitted })
        })
        .before_acquire(move |_, _| {
            let admitted = acquiring.admit().map(|()| true);
            Box::pin(async move { admitted })
        })
        .connect_lazy_with(options)
}

/// Connections are kept for as long as the pool lives.
pub(super) fn pool_options() -> PgPoolOptions {
    PgPoolOptions::new().idle_timeout(None).max_lifetime(None)
}

/// Whether a test's one connection is in a transaction from beginning to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    Nothing,
    Test,
}

/// Whether the sessions of a pool have come back after a test.
#[derive(Debug)]
pub(super) enum Returned {
    /// All have come back and are as new: the ids of the sessions, and the connections, which are to be given back to the pool.
    All(Vec<i32>, Vec<PoolConnection<sqlx::Postgres>>),
    /// The test still holds so many.
    Without(usize),
}

/// Makes the sessions of a pool as new, each when it has come back.
pub(super) async fn reset(pool: &PgPool, transaction: Around) -> Returned {
    let (mut sessions, mut kept) = (Vec::new(), Vec::new());
    let mut since = Instant::now();
    loop {
        let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
        if idle.is_empty() {
            let missing = (pool.size() as usize).saturating_sub(kept.len());
            match since.elapsed() {
                _ if missing == 0 => return Returned::All(sessions, kept),
                // Mostly it is a task's next step; the timer is for what takes longer.
                waited if waited < POLL_INTERVAL => tokio::task::yield_now().await,
                waited if waited < RETURN_TIMEOUT => tokio::time::sleep(POLL_INTERVAL).await,
                _ => return Returned::Without(missing),
            }
            continue;
        }
        let room = MAX_KEPT.saturating_sub(kept.len());
        let renewed = idle.into_iter().enumerate().map(|(place, mut connection)| async move {
            if place < room
                && let Some(session) = as_new(&mut connection, transaction).await
            {
                return Some((session, connection));
            }
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, connection.close()).await;
            None
        });
        for (session, connection) in join_all(renewed).await.into_iter().flatten() {
            sessions.push(session);
            kept.push(connection);
        }
        since = Instant::now();
    }
}

/// Returns connections now, and not in tasks that may run when the next test has begun.
pub(super) async fn give_back(connections: Vec<PoolConnection<sqlx::Postgres>>) {
    join_all(connections.into_iter().map(|mut connection| async move { connection.return_to_pool().await })).await;
}

/// The session's number, if it is as new.
async fn as_new(connection: &mut PgConnection, transaction: Around) -> Option<i32> {
    match (transaction, connection.is_in_transaction()) {
        (Around::Nothing, false) => {}
        // sqlx goes on believing in the transaction, so that the next one needs no new connection.
        (Around::Test, true) => {
            sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.ok()?;
        }
        _ => return None,
    }
    sqlx::raw_sql(RESET).fetch_one(connection).await.ok()?.try_get(0).ok()
}

/// Closes a pool, whoever still holds connections of it.
pub(super) async fn close(pool: &PgPool) {
    close_pool(pool, CLOSE_TIMEOUT).await;
}
