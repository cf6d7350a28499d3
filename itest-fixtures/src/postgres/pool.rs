//! The pool that a test is given, and what its sessions keep between two tests.

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Row};

use super::era::Era;

/// Connections that a test opened are kept for the next one up to this number: more of them cost more than they save.
const KEPT: usize = 2;

/// So long a connection may take to come back to its pool.
const RETURN: Duration = Duration::from_millis(100);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

/// So long a connection may take to say goodbye.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a session's end would do, but for the statements that sqlx has prepared; its counts are written down. Then: its number,
/// whether it was in a transaction of somebody's own, and whether anything is left that only the session's end takes away.
const RESET: &str = "
    CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();
    DISCARD SEQUENCES;
    SELECT pg_backend_pid(), now() <> statement_timestamp(),
           pg_my_temp_schema() <> 0 OR EXISTS (SELECT FROM pg_prepared_statements WHERE from_sql), pg_stat_force_next_flush();";

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

/// Where the pool's sessions are after a test.
#[derive(Debug)]
pub(super) enum Sessions {
    /// As new: their numbers, and the connections, which are to be returned.
    Idle(Vec<i32>, Vec<PoolConnection<sqlx::Postgres>>),
    /// The test still holds so many.
    Kept(usize),
}

/// Makes the sessions of a pool as new, when all of them have come back.
pub(super) async fn reset(pool: &PgPool, transaction: Around) -> Sessions {
    let returned = tokio::time::timeout(RETURN, async {
        let since = Instant::now();
        while pool.num_idle() < pool.size() as usize {
            // Mostly it is a task's next step; the timer is for what takes longer.
            if since.elapsed() < LOOK {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(LOOK).await;
            }
        }
    });
    if returned.await.is_err() {
        return Sessions::Kept((pool.size() as usize).saturating_sub(pool.num_idle()));
    }
    let mut idle = Vec::new();
    while let Some(connection) = pool.try_acquire() {
        idle.push(connection);
    }
    let (mut sessions, mut kept) = (Vec::new(), Vec::new());
    for mut connection in idle {
        match as_new(&mut connection, transaction).await {
            Some(session) if sessions.len() < KEPT => {
                sessions.push(session);
                kept.push(connection);
            }
            _ => drop(tokio::time::timeout(FAREWELL, connection.close()).await),
        }
    }
    Sessions::Idle(sessions, kept)
}

/// Returns connections now, and not in tasks that may run when the next test has begun.
pub(super) async fn give_back(connections: Vec<PoolConnection<sqlx::Postgres>>) {
    for mut connection in connections {
        connection.return_to_pool().await;
    }
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
    let rows = sqlx::raw_sql(RESET).fetch_all(connection).await.ok()?;
    let last = rows.last()?;
    let (session, in_transaction): (i32, bool) = (last.try_get(0).ok()?, last.try_get(1).ok()?);
    let is_marked: bool = last.try_get(2).ok()?;
    (!in_transaction && !is_marked).then_some(session)
}

/// Closes a pool, whoever still holds connections of it.
pub(super) async fn close(pool: &PgPool) {
    let _ = tokio::time::timeout(FAREWELL, pool.close()).await;
}
