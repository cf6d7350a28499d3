//! Creates empty databases in memory.
#![cfg(feature = "sqlite")]

use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

/// Creates an empty SQLite database in memory, for [`Check::run`](super::Check::run). Foreign keys are enforced.
///
/// # Errors
///
/// When SQLite cannot be opened.
pub async fn in_memory() -> Result<SqlitePool, sqlx::Error> {
    // The pool has one connection, because each connection would have its own database.
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    options.connect("sqlite::memory:").await
}
