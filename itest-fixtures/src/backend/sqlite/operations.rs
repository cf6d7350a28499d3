//! The operations of seeds and migration checks on SQLite.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::backend::{Backend, Operations};
use crate::database::script::Dialect;
use crate::database::script_failure::{ScriptFailure, run_counting};

impl Backend for Sqlite {}

impl Operations for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn run_script(connection: &mut SqliteConnection, script: &str) -> Result<(), ScriptFailure> {
        run_counting::<Self>(connection, script).await
    }

    /// Restores the checking of foreign keys afterwards, because a dump turns it off and does not turn it on again.
    #[cfg(feature = "data")]
    async fn run_seed(connection: &mut SqliteConnection, script: &str) -> Result<(), ScriptFailure> {
        let enforces_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *connection).await?;
        let result = Self::run_script(&mut *connection, script).await;
        if result.is_err() {
            // The error of `ROLLBACK` is ignored, because it means that no transaction is open.
            let _ = Self::run_script(&mut *connection, "ROLLBACK").await;
        }
        Self::run_script(
            connection,
            if enforces_keys == 1 { "PRAGMA foreign_keys = 1" } else { "PRAGMA foreign_keys = 0" },
        )
        .await?;
        result
    }

    fn quoted(name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    async fn tables(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
        const TABLES: &str = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
                              AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
        sqlx::query_scalar(AssertSqlSafe(TABLES)).fetch_all(connection).await
    }

    #[cfg(feature = "data")]
    async fn columns(
        connection: &mut SqliteConnection,
        table: &str,
    ) -> Result<Option<Vec<crate::backend::Column>>, sqlx::Error> {
        super::rows::columns(connection, table).await
    }

    #[cfg(feature = "data")]
    async fn insert(
        connection: &mut SqliteConnection,
        table: &crate::backend::Table<'_>,
        rows: &[&crate::backend::Row],
    ) -> Result<(), crate::backend::RowError> {
        super::rows::insert(connection, table, rows).await
    }

    #[cfg(feature = "data")]
    async fn explain(
        connection: &mut SqliteConnection,
        table: &crate::backend::Table<'_>,
        _row: &crate::backend::Row,
        error: &sqlx::Error,
    ) -> Option<crate::backend::Explanation> {
        super::rows::explain(connection, table, error).await
    }

    #[cfg(feature = "migrations")]
    crate::backend::operations::connection_operations!(SqliteConnection);
}
