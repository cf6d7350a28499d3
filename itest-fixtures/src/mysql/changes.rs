//! What a failed test did to its database.

use sqlx::{Connection, MySql};

use itest_runtime::Error;

use super::connection::connect;
use super::shelf::{Leased, Stock};
use crate::database::{Contents, contents, failed_to};

/// The database's tables, with the columns of their primary keys.
const TABLES: &str = "
    SELECT t.table_name, concat('`', replace(t.table_name, '`', '``'), '`'), k.column_name
    FROM information_schema.tables AS t
    LEFT JOIN information_schema.key_column_usage AS k
      ON k.table_schema = t.table_schema AND k.table_name = t.table_name AND k.constraint_name = 'PRIMARY'
    WHERE t.table_schema = database() AND t.table_type = 'BASE TABLE'
    ORDER BY 1, k.ordinal_position";

impl Stock {
    /// All rows of a test's database.
    pub(super) async fn contents(&self, leased: &Leased) -> Result<Contents, Error> {
        let mut connection = connect(self.address(), Some(&leased.name)).await?;
        let read = contents::<MySql>(&mut connection, TABLES).await;
        let _ = connection.close().await;
        read.map_err(|error| failed_to("read the rows", &error))
    }
}
