//! What seeds and migrations ask, as SQLite answers it.

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

    /// A dump puts the checking of foreign keys off and does not put it on again.
    #[cfg(feature = "data")]
    async fn run_seed(connection: &mut SqliteConnection, script: &str) -> Result<(), ScriptFailure> {
        let enforced: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *connection).await?;
        let ran = Self::run_script(&mut *connection, script).await;
        if ran.is_err() {
            // Where there is no transaction, there is nothing to do.
            let _ = Self::run_script(&mut *connection, "ROLLBACK").await;
        }
        Self::run_script(connection, if enforced == 1 { "PRAGMA foreign_keys = 1" } else { "PRAGMA foreign_keys = 0" })
            .await?;
        ran
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
    crate::backend::operations::on_connection!(SqliteConnection);
}
