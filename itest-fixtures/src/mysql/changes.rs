//! Reads the rows of a test's database, to show what a failed test changed.

use sqlx::{Connection, MySql};

use itest_runtime::Error;

use super::connection::{MysqlDriver, connect, run};
use crate::database::{Contents, Context, Database, contents, failed_to};

/// Raises the limit of `group_concat`, because the server would truncate long lists of columns.
const RAISE_GROUP_CONCAT_LIMIT: &str = "SET group_concat_max_len = 16777216";

/// Lists the tables of the database, with the columns of their primary keys. The query of a table names all columns, because `SELECT *`
/// leaves out invisible ones.
const TABLES: &str = "
    SELECT t.table_name,
           concat((SELECT group_concat(concat('`', replace(c.column_name, '`', '``'), '`') ORDER BY c.ordinal_position SEPARATOR ', ')
                   FROM information_schema.columns AS c
                   WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name),
                  ' FROM `', replace(t.table_name, '`', '``'), '`'),
           k.column_name
    FROM information_schema.tables AS t
    LEFT JOIN information_schema.key_column_usage AS k
      ON k.table_schema = t.table_schema AND k.table_name = t.table_name AND k.constraint_name = 'PRIMARY'
    WHERE t.table_schema = database() AND t.table_type = 'BASE TABLE'
    ORDER BY 1, k.ordinal_position";

/// Reads all rows of a test's database.
pub(super) async fn contents_of(
    context: &Context<MysqlDriver>,
    database: &Database<MysqlDriver>,
) -> Result<Contents, Error> {
    let mut connection = connect(context.server.address(), Some(&database.name)).await?;
    run(&mut connection, "read the rows", RAISE_GROUP_CONCAT_LIMIT).await?;
    let read = contents::<MySql>(&mut connection, TABLES).await;
    let _ = connection.close().await;
    read.map_err(|error| failed_to("read the rows", &error))
}
