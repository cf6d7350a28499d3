//! What a failed test did to its database.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use itest_runtime::Error;

use super::Isolation;
use super::shelf::{Leased, Stock};
use crate::database::{Contents, contents, failed_to};

/// Tables of users, with the columns of their primary keys; where tests have schemas of their own, those of the test's.
const TABLES: &str = "
    SELECT CASE WHEN space.nspname = current_schema() THEN class.relname ELSE space.nspname || '.' || class.relname END,
           format('ONLY %I.%I', space.nspname, class.relname), part.attname
    FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = class.relnamespace
    LEFT JOIN pg_index AS key ON key.indrelid = class.oid AND key.indisprimary
    LEFT JOIN pg_attribute AS part ON part.attrelid = class.oid AND part.attnum = ANY (key.indkey)
    WHERE class.relkind = 'r' AND space.nspname !~ '^pg_' AND space.nspname <> 'information_schema'
      AND (current_schema() !~ '^itest_' OR space.nspname = current_schema())
    ORDER BY 1, array_position(key.indkey::int2[], part.attnum)";

impl Stock {
    /// All rows of a test's database.
    pub(super) async fn contents(&self, leased: &Leased) -> Result<Contents, Error> {
        let read = if self.isolation() == Isolation::Transaction {
            // Nobody else sees what is in its transaction.
            contents::<sqlx::Postgres>(&mut *leased.pool.acquire().await?, TABLES).await
        } else {
            let connection = PgConnection::connect(&leased.url).await;
            let mut connection =
                connection.map_err(|error| failed_to(&format!("connect to {}", leased.name), &error))?;
            let read = contents::<sqlx::Postgres>(&mut connection, TABLES).await;
            let _ = connection.close().await;
            read
        };
        read.map_err(|error| failed_to("read the rows", &error))
    }
}
