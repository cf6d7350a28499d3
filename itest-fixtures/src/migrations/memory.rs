//! Empty databases in memory.
#![cfg(feature = "sqlite")]

use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

/// An empty SQLite database in memory, for [`Check::run`](super::Check::run); foreign keys are enforced.
///
/// # Errors
///
/// When SQLite cannot be opened.
pub async fn in_memory() -> Result<SqlitePool, sqlx::Error> {
    // Each connection would have a database of its own.
    let options = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    options.connect("sqlite::memory:").await
}
