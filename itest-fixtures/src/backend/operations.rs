//! What seeds and migrations ask of a database, however it is done there.

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
/// It cannot be implemented elsewhere.
pub trait Backend: Operations {}

/// What is different between the databases.
pub trait Operations: Database {
    /// How its scripts are written.
    const DIALECT: Dialect;

    /// Runs a script as one, as its own shell would.
    fn run_script(connection: &mut Self::Connection, script: &str) -> impl Future<Output = Result<(), ScriptFailure>>;

    /// Runs a script on a connection that others go on with: its settings are what they were, and no transaction is left open by a
    /// script that failed.
    #[cfg(feature = "data")]
    fn run_seed(connection: &mut Self::Connection, script: &str) -> impl Future<Output = Result<(), ScriptFailure>> {
        async {
            let ran = Self::run_script(&mut *connection, script).await;
            if ran.is_err() {
                // Where there is no transaction, there is nothing to do.
                let _ = Self::run_script(connection, "ROLLBACK").await;
            }
            ran
        }
    }

    /// A name as part of a statement; a dot in it separates a schema from its table.
    fn quoted(name: &str) -> String;

    /// The names of the tables, in order.
    fn tables(connection: &mut Self::Connection) -> impl Future<Output = Result<Vec<String>, sqlx::Error>>;

    /// The columns of a table; `None` if there is no such table.
    #[cfg(feature = "data")]
    fn columns(
        connection: &mut Self::Connection,
        table: &str,
    ) -> impl Future<Output = Result<Option<Vec<Column>>, sqlx::Error>>;

    /// Adds rows that have the same cells; each of them is a column of the table.
    #[cfg(feature = "data")]
    fn insert(
        connection: &mut Self::Connection,
        table: &Table<'_>,
        rows: &[&Row],
    ) -> impl Future<Output = Result<(), RowError>>;

    /// What the database says of a row that it refused, beyond its error; asked outside of the transaction in which it did.
    /// Nothing, where the error names column and key itself.
    #[cfg(feature = "data")]
    fn explain(
        _: &mut Self::Connection,
        _: &Table<'_>,
        _: &Row,
        _: &sqlx::Error,
    ) -> impl Future<Output = Option<Explanation>> {
        async { None }
    }

    /// Called when rows with these columns were added, so that numbers given out by the database go on behind them. Nothing is to be
    /// done where a new number is one more than the highest there is.
    #[cfg(feature = "data")]
    fn settle(_: &mut Self::Connection, _: &str, _: &[String]) -> impl Future<Output = Result<(), sqlx::Error>> {
        async { Ok(()) }
    }

    /// Applies all migrations up to a version, as the application would.
    #[cfg(feature = "migrations")]
    fn migrate_to(
        connection: &mut Self::Connection,
        migrator: &sqlx::migrate::Migrator,
        version: i64,
    ) -> impl Future<Output = Result<(), sqlx::migrate::MigrateError>>;

    /// Undoes all migrations above a version.
    #[cfg(feature = "migrations")]
    fn undo_to(
        connection: &mut Self::Connection,
        migrator: &sqlx::migrate::Migrator,
        version: i64,
    ) -> impl Future<Output = Result<(), sqlx::migrate::MigrateError>>;

    /// Everything that the schema is made of, without the table of the migrations.
    #[cfg(feature = "migrations")]
    fn catalog(
        connection: &mut Self::Connection,
        migrations_table: &str,
    ) -> impl Future<Output = Result<Vec<Entry>, sqlx::Error>>;

    /// The rows of a query, as text.
    #[cfg(feature = "migrations")]
    fn rows(
        connection: &mut Self::Connection,
        query: &str,
    ) -> impl Future<Output = Result<Vec<Vec<Option<String>>>, sqlx::Error>>;
}

/// What is written alike for all databases, and cannot be written once for any: sqlx acquires and migrates connections of known
/// types only. The catalog is that of the module in which this stands.
#[cfg(feature = "migrations")]
macro_rules! on_connection {
    ($connection:ty) => {
        async fn migrate_to(
            connection: &mut $connection,
            migrator: &sqlx::migrate::Migrator,
            version: i64,
        ) -> Result<(), sqlx::migrate::MigrateError> {
            migrator.run_to(version, connection).await
        }

        async fn undo_to(
            connection: &mut $connection,
            migrator: &sqlx::migrate::Migrator,
            version: i64,
        ) -> Result<(), sqlx::migrate::MigrateError> {
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
pub(super) use on_connection;

/// A table whose columns are known.
#[cfg(feature = "data")]
#[derive(Debug, Clone, Copy)]
pub struct Table<'t> {
    /// As the seed calls it.
    pub name: &'t str,
    /// As the database has them.
    pub columns: &'t [Column],
}

#[cfg(feature = "data")]
impl Table<'_> {
    /// The column of a name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Why a row was refused.
#[cfg(feature = "data")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The column at fault.
    pub column: Option<String>,
    /// What else there is to say.
    pub note: Option<String>,
}
