//! The end of a pool that a test may still use.

use std::time::Duration;

use sqlx::{Connection, Database, Pool};

/// Closes a pool; whether all its connections have come back and were closed within the timeout.
///
/// The idle connections are closed first. [`Pool::close`] waits for the ones in use before that, and these may wait for a lock that an idle
/// one holds: a pool takes no notice of a transaction that began in the text of a query.
pub(crate) async fn close_pool<DB: Database>(pool: &Pool<DB>, timeout: Duration) -> bool {
    let close = async {
        while let Some(connection) = pool.try_acquire() {
            let _ = connection.detach().close().await;
        }
        pool.close().await;
    };
    tokio::time::timeout(timeout, close).await.is_ok()
}
