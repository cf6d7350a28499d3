//! All rows of a database, as text.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Column, ColumnIndex, Database, Decode, Executor, Row, Type};

use crate::database::{cells, describe};

/// A larger table is not compared.
const MOST_ROWS: usize = 10_000;

/// A table and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// The names of the columns; none are known of a table without rows.
    pub(super) columns: Vec<String>,
    /// The columns of the primary key.
    pub(super) key: Vec<String>,
    /// Each with a cell for each column.
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// Why the rows are not compared, if they are not.
    pub(super) not_compared: Option<String>,
}

/// Tables by their names.
pub(crate) type Contents = BTreeMap<String, Table>;

/// What a query gave.
#[derive(Debug)]
pub(crate) struct Answer {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

/// A database whose rows can be read as text.
pub(crate) trait Source: Database {
    /// Columns and rows of a query.
    fn texts(connection: &mut Self::Connection, query: &str) -> impl Future<Output = Result<Answer, sqlx::Error>>;
}

impl<DB: Database> Source for DB
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    usize: ColumnIndex<DB::Row>,
    for<'r> String: Decode<'r, DB> + Type<DB>,
    for<'r> Vec<u8>: Decode<'r, DB> + Type<DB>,
{
    async fn texts(connection: &mut DB::Connection, query: &str) -> Result<Answer, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
        let columns = rows.first().map(|row| row.columns().iter().map(|column| column.name().to_owned()).collect());
        Ok(Answer { columns: columns.unwrap_or_default(), rows: rows.iter().map(cells).collect::<Result<_, _>>()? })
    }
}

/// Reads all tables that `tables` lists: a row for each column of their primary keys, with what the table is called, what a query of its
/// rows says behind `SELECT`, and the column; or with no column, where there is no primary key.
pub(crate) async fn contents<DB: Source>(
    connection: &mut DB::Connection,
    tables: &str,
) -> Result<Contents, sqlx::Error> {
    let mut keys: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in DB::texts(connection, tables).await?.rows {
        let [Some(title), Some(source), column] = <[_; 3]>::try_from(row).unwrap_or_default() else { continue };
        keys.entry((title, source)).or_default().extend(column);
    }
    let mut contents = Contents::new();
    for ((title, source), key) in keys {
        let query = format!("SELECT {source} LIMIT {}", MOST_ROWS + 1);
        let table = match DB::texts(connection, &query).await {
            Ok(Answer { rows, .. }) if rows.len() > MOST_ROWS => {
                Table { not_compared: Some(format!("it has more than {MOST_ROWS} rows")), ..Table::default() }
            }
            Ok(Answer { columns, rows }) => Table { columns, key, rows, not_compared: None },
            // There a failure ends the transaction, which may be that of the test.
            Err(error) if DB::NAME == "PostgreSQL" => return Err(error),
            Err(error) => {
                Table { not_compared: Some(format!("it cannot be read: {}", describe(&error))), ..Table::default() }
            }
        };
        contents.insert(title, table);
    }
    Ok(contents)
}
