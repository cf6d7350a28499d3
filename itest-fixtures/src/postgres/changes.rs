//! Reads the rows of a test's database, to show what a failed test changed.

use sqlx::{ConnectOptions, Connection};

use itest_runtime::Error;

use super::Isolation;
use super::connection::PostgresDriver;
use crate::database::{Contents, Context, Database, Locate as _, contents, failed_to};

/// Lists the tables of the suite with the columns of their primary keys. If the current schema is the schema of a test, it lists only the
/// tables of that schema.
const TABLES: &str = "
    SELECT CASE WHEN space.nspname = current_schema() THEN class.relname ELSE space.nspname || '.' || class.relname END,
           format('* FROM ONLY %I.%I', space.nspname, class.relname), part.attname
    FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
    LEFT JOIN pg_index AS key ON key.indrelid = class.oid AND key.indisprimary
    LEFT JOIN pg_attribute AS part ON part.attrelid = class.oid AND part.attnum = ANY (key.indkey)
    WHERE class.relkind = 'r' AND space.nspname !~ '^pg_' AND space.nspname <> 'information_schema'
      AND (current_schema() !~ '^itest_' OR space.nspname = current_schema())
    ORDER BY 1, array_position(key.indkey::int2[], part.attnum)";

/// Reads all rows of a test's database.
pub(super) async fn contents_of(
    context: &Context<PostgresDriver>,
    database: &Database<PostgresDriver>,
) -> Result<Contents, Error> {
    let read = if context.schema.isolation == Isolation::Transaction {
        // Only the test's own session sees the uncommitted rows of its transaction.
        contents::<sqlx::Postgres>(&mut *database.sessions.pool.acquire().await?, TABLES).await
    } else {
        let address = context.server.address();
        let options = match context.schema.isolation {
            Isolation::Schema => PostgresDriver::options(address, context.server.lease_database.database.as_deref())?
                .options([("search_path", &database.name)]),
            _ => PostgresDriver::options(address, Some(&database.name))?,
        };
        let failed = |error| failed_to(&format!("connect to {}", database.name), &error);
        let mut connection = options.disable_statement_logging().connect().await.map_err(failed)?;
        let read = contents::<sqlx::Postgres>(&mut connection, TABLES).await;
        let _ = connection.close().await;
        read
    };
    read.map_err(|error| failed_to("read the rows", &error))
}
