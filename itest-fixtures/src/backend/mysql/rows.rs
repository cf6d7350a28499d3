//! Inserts the rows of seeds in MySQL and MariaDB. The server converts text to the types of the columns; in strict mode it refuses text
//! that does not fit.

use sqlx::{AssertSqlSafe, MySql, MySqlConnection};

use crate::backend::{Column, Operations as _, Row, RowError, Table, Value};

/// The protocol allows 65,535 parameters in a statement.
const MAX_PARAMETERS: usize = 60_000;

/// The columns of a table, or `None` if there is no such table.
pub(super) async fn columns(connection: &mut MySqlConnection, table: &str) -> Result<Option<Vec<Column>>, sqlx::Error> {
    const COLUMNS: &str = "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR) FROM information_schema.columns \
                           WHERE table_schema = coalesce(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position";
    let (schema, name) = table.split_once('.').map_or((None, table), |(schema, name)| (Some(schema), name));
    let columns: Vec<(String, String)> = sqlx::query_as(COLUMNS).bind(schema).bind(name).fetch_all(connection).await?;
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| Column { name, kind }).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Inserts rows.
pub(super) async fn insert(connection: &mut MySqlConnection, table: &Table<'_>, rows: &[&Row]) -> Result<(), RowError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let names: Vec<_> = first.cells.iter().map(|(column, _)| format!("`{}`", column.replace('`', "``"))).collect();
    let values = format!("({})", vec!["?"; names.len()].join(", "));
    for rows in rows.chunks((MAX_PARAMETERS / names.len().max(1)).max(1)) {
        let statement = format!(
            "INSERT INTO {} ({}) VALUES {}",
            MySql::quoted(table.name),
            names.join(", "),
            vec![values.as_str(); rows.len()].join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (column, value) in rows.iter().flat_map(|row| &row.cells) {
            let kind = table.column(column).map_or("", |column| column.kind.as_str());
            query = match value {
                Value::Null => query.bind(None::<String>),
                Value::Bool(value) => query.bind(i64::from(*value)),
                Value::Number(text) | Value::Text(text) | Value::Field(text) => match number(kind, text) {
                    Some(number) => query.bind(number),
                    None => query.bind(text.as_str()),
                },
                Value::Json(text) => query.bind(text.as_str()),
            };
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// The number for a value that must not be sent as text: a boolean is a small number, and a `bit` column would store the text `1` as its
/// character code, 49.
fn number(kind: &str, text: &str) -> Option<i64> {
    match text {
        "true" if kind.starts_with("tinyint") || kind.starts_with("bit") => Some(1),
        "false" if kind.starts_with("tinyint") || kind.starts_with("bit") => Some(0),
        _ if kind.starts_with("bit") => text.parse().ok(),
        _ => None,
    }
}
