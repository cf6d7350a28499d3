//! The operations that differ between the kinds of databases.

use sqlx::Database;

#[cfg(feature = "migrations")]
use super::Entry;
#[cfg(feature = "data")]
use super::{Column, Row, RowError};
use crate::database::script::Dialect;
use crate::database::script_failure::ScriptFailure;

/// A database that seeds are loaded into and migrations are checked on: [`sqlx::Sqlite`], [`sqlx::Postgres`] or
/// [`sqlx::MySql`] (which is MariaDB, too), each behind its feature.
///
/// Other crates cannot implement it.
pub trait Backend: Operations {}

/// The operations that differ between the kinds of databases.
pub trait Operations: Database {
    /// The SQL dialect of its scripts.
    const DIALECT: Dialect;

    /// Sends a whole script to the database, as the database's shell does.
    fn run_script(connection: &mut Self::Connection, script: &str) -> impl Future<Output = Result<(), ScriptFailure>>;

    /// Runs a script on a connection that is used again afterwards: the settings of the connection are restored, and a failed script leaves
    /// no transaction open.
    #[cfg(feature = "data")]
    fn run_seed(connection: &mut Self::Connection, script: &str) -> impl Future<Output = Result<(), ScriptFailure>> {
        async {
            let result = Self::run_script(&mut *connection, script).await;
            if result.is_err() {
                // The error of `ROLLBACK` is ignored, because it means that no transaction is open.
                let _ = Self::run_script(connection, "ROLLBACK").await;
            }
            result
        }
    }

    /// Quotes a name for a statement. A dot in it separates a schema from its table.
    fn quoted(name: &str) -> String;

    /// The names of the tables, sorted.
    fn tables(connection: &mut Self::Connection) -> impl Future<Output = Result<Vec<String>, sqlx::Error>>;

    /// The columns of a table, or `None` if there is no such table.
    #[cfg(feature = "data")]
    fn columns(
        connection: &mut Self::Connection,
        table: &str,
    ) -> impl Future<Output = Result<Option<Vec<Column>>, sqlx::Error>>;

    /// Inserts rows that have values for the same columns. All these columns exist in the table.
    #[cfg(feature = "data")]
    fn insert(
        connection: &mut Self::Connection,
        table: &Table<'_>,
        rows: &[&Row],
    ) -> impl Future<Output = Result<(), RowError>>;

    /// Looks for information about a refused row that the error does not contain. It is called outside of the failed transaction. `None` if
    /// the error itself names column and key.
    #[cfg(feature = "data")]
    fn explain(
        _: &mut Self::Connection,
        _: &Table<'_>,
        _: &Row,
        _: &sqlx::Error,
    ) -> impl Future<Output = Option<Explanation>> {
        async { None }
    }

    /// Advances the sequences of a table after rows with these columns were inserted, so that the next generated value is greater than all
    /// inserted ones. Databases that generate the maximum plus one need nothing.
    #[cfg(feature = "data")]
    fn advance_sequences(
        _: &mut Self::Connection,
        _: &str,
        _: &[String],
    ) -> impl Future<Output = Result<(), sqlx::Error>> {
        async { Ok(()) }
    }

    /// Applies all migrations up to a version, in the way the application does.
    #[cfg(feature = "migrations")]
    fn migrate_to(
        connection: &mut Self::Connection,
        migrator: &sqlx_core::migrate::Migrator,
        version: i64,
    ) -> impl Future<Output = Result<(), sqlx_core::migrate::MigrateError>>;

    /// Undoes all migrations above a version.
    #[cfg(feature = "migrations")]
    fn undo_to(
        connection: &mut Self::Connection,
        migrator: &sqlx_core::migrate::Migrator,
        version: i64,
    ) -> impl Future<Output = Result<(), sqlx_core::migrate::MigrateError>>;

    /// Reads all entries of the schema, without the table of the migrations.
    #[cfg(feature = "migrations")]
    fn catalog(
        connection: &mut Self::Connection,
        migrations_table: &str,
    ) -> impl Future<Output = Result<Vec<Entry>, sqlx::Error>>;

    /// Runs a query and returns its rows as text.
    #[cfg(feature = "migrations")]
    fn rows(
        connection: &mut Self::Connection,
        query: &str,
    ) -> impl Future<Output = Result<Vec<Vec<Option<String>>>, sqlx::Error>>;
}

/// Operations whose text is the same for all databases. They cannot be generic, because sqlx acquires and migrates connections of concrete
/// types only. The macro calls the `catalog` module next to its use.
#[cfg(feature = "migrations")]
macro_rules! connection_operations {
    ($connection:ty) => {
        async fn migrate_to(
            connection: &mut $connection,
            migrator: &sqlx_core::migrate::Migrator,
            version: i64,
        ) -> Result<(), sqlx_core::migrate::MigrateError> {
            migrator.run_to(version, connection).await
        }

        async fn undo_to(
            connection: &mut $connection,
            migrator: &sqlx_core::migrate::Migrator,
            version: i64,
        ) -> Result<(), sqlx_core::migrate::MigrateError> {
            migrator.undo(connection, version).await
        }

        async fn catalog(
            connection: &mut $connection,
            migrations_table: &str,
        ) -> Result<Vec<crate::backend::Entry>, sqlx::Error> {
            super::catalog::catalog(connection, migrations_table).await
        }

        async fn rows(connection: &mut $connection, query: &str) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
            let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query)).fetch_all(connection).await?;
            rows.iter().map(crate::database::cells).collect()
        }
    };
}

#[cfg(feature = "migrations")]
pub(super) use connection_operations;

/// A table and its columns.
#[cfg(feature = "data")]
#[derive(Debug, Clone, Copy)]
pub struct Table<'t> {
    /// The name in the seed.
    pub name: &'t str,
    /// The columns in the database.
    pub columns: &'t [Column],
}

#[cfg(feature = "data")]
impl Table<'_> {
    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Why a row was refused.
#[cfg(feature = "data")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The column whose value was refused.
    pub column: Option<String>,
    /// Further information.
    pub note: Option<String>,
}
