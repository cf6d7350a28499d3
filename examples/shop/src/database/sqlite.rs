//! The parts for SQLite: a file with one writer at a time.

use std::str::FromStr;

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

/// The schema on SQLite.
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Takes the database's write lock at once. A transaction that starts by reading cannot wait for
/// the lock later: if another transaction wrote in between, its snapshot is outdated, and it fails.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

pub(super) async fn open(url: &str) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        // Readers and the one writer do not block each other.
        .journal_mode(SqliteJournalMode::Wal);
    SqlitePool::connect_with(options).await
}
