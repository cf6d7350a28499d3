//! The operations of seeds and migration checks on MySQL and MariaDB.

use sqlx::{MySql, MySqlConnection};

use crate::backend::{Backend, Operations};
use crate::database::script::Dialect;
use crate::database::script_failure::{ScriptFailure, run_counting};

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

    #[cfg(feature = "migrations")]
    crate::backend::operations::connection_operations!(MySqlConnection);
}
