//! The tables of the history and their migrations.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

use super::address::Kind;

/// The table that records the migrations. It does not have sqlx's default name, because the history may share its
/// database with an application that uses sqlx.
const TABLE: &str = "itest_migrations";

/// Creates the tables, or updates them.
///
/// # Errors
///
/// When the database returns an error. On SQLite, it also fails if another process has just created the tables.
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
