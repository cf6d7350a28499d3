//! Reads all rows of a database as text.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Column, ColumnIndex, Database, Decode, Executor, Row, Type};

use crate::database::{cells, describe};

/// A table with more rows is not compared, because reading it would take too long.
const MAX_ROWS: usize = 10_000;

/// The rows of a table, with the names of its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// The names of the columns. They are empty for a table without rows, because the names are read from the first row.
    pub(super) columns: Vec<String>,
    /// The columns of the primary key.
    pub(super) key: Vec<String>,
    /// Each row has one cell per column.
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// Why the rows are not compared, if they are not.
    pub(super) not_compared: Option<String>,
}

/// Tables by their names.
pub(crate) type Contents = BTreeMap<String, Table>;

/// The result of a query, as text.
#[derive(Debug)]
pub(crate) struct QueryResult {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

/// A database whose rows can be read as text.
pub(crate) trait Source: Database {
    /// Runs a query and returns its columns and rows.
    fn query_as_text(
        connection: &mut Self::Connection,
        query: &str,
    ) -> impl Future<Output = Result<QueryResult, sqlx::Error>>;
}

impl<DB: Database> Source for DB
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    usize: ColumnIndex<DB::Row>,
    for<'r> String: Decode<'r, DB> + Type<DB>,
    for<'r> Vec<u8>: Decode<'r, DB> + Type<DB>,
{
    async fn query_as_text(connection: &mut DB::Connection, query: &str) -> Result<QueryResult, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
        let columns = rows.first().map(|row| row.columns().iter().map(|column| column.name().to_owned()).collect());
        Ok(QueryResult {
            columns: columns.unwrap_or_default(),
            rows: rows.iter().map(cells).collect::<Result<_, _>>()?,
        })
    }
}

/// Reads all tables that the query `tables` lists.
///
/// The query returns one row for each column of a table's primary key: the title of the table, the text that follows `SELECT` in the query
/// of its rows, and the column. A table without a primary key has one row, whose column is null.
pub(crate) async fn contents<DB: Source>(
    connection: &mut DB::Connection,
    tables: &str,
) -> Result<Contents, sqlx::Error> {
    let mut keys: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in DB::query_as_text(connection, tables).await?.rows {
        let [Some(title), Some(selection), column] = <[_; 3]>::try_from(row).unwrap_or_default() else { continue };
        keys.entry((title, selection)).or_default().extend(column);
    }
    let mut contents = Contents::new();
    for ((title, selection), key) in keys {
        let query = format!("SELECT {selection} LIMIT {}", MAX_ROWS + 1);
        let table = match DB::query_as_text(connection, &query).await {
            Ok(QueryResult { rows, .. }) if rows.len() > MAX_ROWS => {
                Table { not_compared: Some(format!("it has more than {MAX_ROWS} rows")), ..Table::default() }
            }
            Ok(QueryResult { columns, rows }) => Table { columns, key, rows, not_compared: None },
            // In PostgreSQL a failed query aborts the transaction, and that may be the transaction of the test.
            Err(error) if DB::NAME == "PostgreSQL" => return Err(error),
            Err(error) => {
                Table { not_compared: Some(format!("it cannot be read: {}", describe(&error))), ..Table::default() }
            }
        };
        contents.insert(title, table);
    }
    Ok(contents)
}
