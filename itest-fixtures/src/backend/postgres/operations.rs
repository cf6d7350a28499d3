//! The operations of seeds and migration checks on PostgreSQL.

use sqlx::{PgConnection, Postgres};

use crate::backend::{Backend, Operations};
use crate::database::script::Dialect;
use crate::database::script_failure::{ScriptFailure, run_counting};

impl Backend for Postgres {}

impl Operations for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn run_script(connection: &mut PgConnection, script: &str) -> Result<(), ScriptFailure> {
        run_counting::<Self>(connection, script).await
    }

    /// Restores the settings of the session afterwards, because a dump empties the search path and changes other settings.
    #[cfg(feature = "data")]
    async fn run_seed(connection: &mut PgConnection, script: &str) -> Result<(), ScriptFailure> {
        let before = super::rows::settings(connection).await?;
        let result = Self::run_script(&mut *connection, script).await;
        if result.is_err() {
            // The error of `ROLLBACK` is ignored, because it means that no transaction is open.
            let _ = Self::run_script(&mut *connection, "ROLLBACK").await;
        }
        super::rows::restore_settings(connection, &before).await?;
        result
    }

    fn quoted(name: &str) -> String {
        let quoted: Vec<_> = name.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        quoted.join(".")
    }

    /// Tables outside of `public` are qualified with their schema.
    async fn tables(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
        const TABLES: &str = "SELECT CASE WHEN schemaname = 'public' THEN '' ELSE schemaname || '.' END || tablename \
                              FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') \
                              AND schemaname NOT LIKE 'pg\\_t%' ORDER BY 1";
        sqlx::query_scalar(TABLES).fetch_all(connection).await
    }

    #[cfg(feature = "data")]
    async fn columns(
        connection: &mut PgConnection,
        table: &str,
    ) -> Result<Option<Vec<crate::backend::Column>>, sqlx::Error> {
        super::rows::columns(connection, table).await
    }

    #[cfg(feature = "data")]
    async fn insert(
        connection: &mut PgConnection,
        table: &crate::backend::Table<'_>,
        rows: &[&crate::backend::Row],
    ) -> Result<(), crate::backend::RowError> {
        super::rows::insert(connection, table, rows).await
    }

    #[cfg(feature = "data")]
    async fn explain(
        connection: &mut PgConnection,
        table: &crate::backend::Table<'_>,
        row: &crate::backend::Row,
        error: &sqlx::Error,
    ) -> Option<crate::backend::Explanation> {
        super::rows::explain(connection, table, row, error).await
    }

    #[cfg(feature = "data")]
    async fn advance_sequences(
        connection: &mut PgConnection,
        table: &str,
        columns: &[String],
    ) -> Result<(), sqlx::Error> {
        super::rows::advance_sequences(connection, table, columns).await
    }

    #[cfg(feature = "migrations")]
    crate::backend::operations::connection_operations!(PgConnection);
}
