//! Closes a pool whose connections a test may still use.

use std::time::Duration;

use sqlx::{Connection, Database, Pool};

/// Closes a pool. Returns whether all its connections were returned and closed within the timeout.
///
/// The idle connections are closed first. [`Pool::close`] waits first for the connections in use, and they may wait for a lock that an idle
/// connection holds: the pool does not notice a transaction that a query began with `BEGIN` in its text, so such a connection becomes idle
/// inside of its transaction.
pub(crate) async fn close_pool<DB: Database>(pool: &Pool<DB>, timeout: Duration) -> bool {
    let close = async {
        while let Some(connection) = pool.try_acquire() {
            let _ = connection.detach().close().await;
        }
        pool.close().await;
    };
    tokio::time::timeout(timeout, close).await.is_ok()
}
