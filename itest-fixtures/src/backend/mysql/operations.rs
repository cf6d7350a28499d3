//! What seeds and migrations ask, as MySQL and MariaDB answer it.

#[cfg(feature = "migrations")]
use sqlx::AssertSqlSafe;
use sqlx::{MySql, MySqlConnection};

use crate::backend::operations::run_counting;
use crate::backend::{Backend, Dialect, Operations, ScriptFailure};

impl Backend for MySql {}

impl Operations for MySql {
    const DIALECT: Dialect = Dialect::MySql;

    async fn run_script(connection: &mut MySqlConnection, script: &str) -> Result<(), ScriptFailure> {
        run_counting::<Self>(connection, script).await
    }

    fn quoted(name: &str) -> String {
        let quoted: Vec<_> = name.split('.').map(|part| format!("`{}`", part.replace('`', "``"))).collect();
        quoted.join(".")
    }

    async fn tables(connection: &mut MySqlConnection) -> Result<Vec<String>, sqlx::Error> {
        const TABLES: &str = "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
                              WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 1";
        sqlx::query_scalar(TABLES).fetch_all(connection).await
    }

    #[cfg(feature = "data")]
    async fn columns(
        connection: &mut MySqlConnection,
        table: &str,
    ) -> Result<Option<Vec<crate::backend::Column>>, sqlx::Error> {
        super::rows::columns(connection, table).await
    }

    #[cfg(feature = "data")]
    async fn insert(
        connection: &mut MySqlConnection,
        table: &crate::backend::Table<'_>,
        rows: &[&crate::backend::Row],
    ) -> Result<(), crate::backend::RowError> {
        super::rows::insert(connection, table, rows).await
    }

    /// The server names the column or the key itself.
    #[cfg(feature = "data")]
    async fn explain(
        _: &mut MySqlConnection,
        _: &crate::backend::Table<'_>,
        _: &crate::backend::Row,
        _: &sqlx::Error,
    ) -> Option<crate::backend::Explanation> {
        None
    }

    /// A row's number is one more than the highest there is.
    #[cfg(feature = "data")]
    async fn settle(_: &mut MySqlConnection, _: &str, _: &[String]) -> Result<(), sqlx::Error> {
        Ok(())
    }

    #[cfg(feature = "migrations")]
    async fn migrate_to(
        connection: &mut MySqlConnection,
        migrator: &sqlx::migrate::Migrator,
        version: i64,
    ) -> Result<(), sqlx::migrate::MigrateError> {
        migrator.run_to(version, connection).await
    }

    #[cfg(feature = "migrations")]
    async fn undo_to(
        connection: &mut MySqlConnection,
        migrator: &sqlx::migrate::Migrator,
        version: i64,
    ) -> Result<(), sqlx::migrate::MigrateError> {
        migrator.undo(connection, version).await
    }

    #[cfg(feature = "migrations")]
    async fn catalog(
        connection: &mut MySqlConnection,
        migrations_table: &str,
    ) -> Result<Vec<crate::backend::Entry>, sqlx::Error> {
        super::catalog::catalog(connection, migrations_table).await
    }

    #[cfg(feature = "migrations")]
    async fn rows(connection: &mut MySqlConnection, query: &str) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
        rows.iter().map(crate::backend::text::cells).collect()
    }
}
