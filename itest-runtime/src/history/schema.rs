//! The tables of the history, and how they come to be.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

use super::address::Kind;

/// The tables may live in a database with others: sqlx's own name for this one could be taken.
const TABLE: &str = "itest_migrations";

/// Brings the tables up to date.
///
/// # Errors
///
/// What the database says. On SQLite also when somebody else has just done the same.
pub(super) async fn migrate(connection: &mut AnyConnection, kind: Kind) -> Result<(), sqlx::Error> {
    let sql = match kind {
        Kind::Sqlite => include_str!("../../migrations/sqlite/0001_runs.sql"),
        #[cfg(feature = "history-postgres")]
        Kind::Postgres => include_str!("../../migrations/postgres/0001_runs.sql"),
    };
    let first = Migration::new(1, "runs".into(), MigrationType::Simple, sql.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.dangerous_set_table_name(TABLE);
    Ok(migrator.run(connection).await?)
}
