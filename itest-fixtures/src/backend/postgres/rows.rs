//! Rows of seeds in PostgreSQL. The server turns JSON into the types of the columns, also into lists, ranges and types of its own.

use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use crate::backend::{Column, Explanation, Operations as _, Row, RowError, Table, Value};

/// The columns of a table; `None` if there is no such table.
pub(super) async fn columns(connection: &mut PgConnection, table: &str) -> Result<Option<Vec<Column>>, sqlx::Error> {
    const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
                           WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let columns: Vec<(String, String)> =
        sqlx::query_as(COLUMNS).bind(Postgres::quoted(table)).fetch_all(connection).await?;
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| Column { name, kind }).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Adds rows; a value that a seed gives is taken also where the server would have given one.
pub(super) async fn insert(connection: &mut PgConnection, table: &Table<'_>, rows: &[&Row]) -> Result<(), RowError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let name = Postgres::quoted(table.name);
    let names: Vec<_> = first.cells.iter().map(|(column, _)| word(column)).collect();
    if names.is_empty() {
        for _ in rows {
            let statement = format!("INSERT INTO {name} DEFAULT VALUES");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
        }
        return Ok(());
    }
    let names = names.join(", ");
    let statement = format!(
        "INSERT INTO {name} ({names}) OVERRIDING SYSTEM VALUE \
         SELECT {names} FROM json_populate_recordset(NULL::{name}, $1::text::json)"
    );
    let objects = rows.iter().map(|row| object(table, row.cells.iter())).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(AssertSqlSafe(statement)).bind(format!("[{}]", objects.join(","))).execute(connection).await?;
    Ok(())
}

/// The server names the column of a value that is missing, but not the one of a value that it cannot read.
pub(super) async fn explain(
    connection: &mut PgConnection,
    table: &Table<'_>,
    row: &Row,
    error: &sqlx::Error,
) -> Option<Explanation> {
    let said = error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    if let Some(column) = said.column() {
        return Some(Explanation { column: Some(column.to_owned()), note: None });
    }
    let name = Postgres::quoted(table.name);
    for cell in &row.cells {
        let column = word(&cell.0);
        let statement = format!("SELECT {column} FROM json_populate_record(NULL::{name}, $1::text::json)");
        let json = object(table, std::iter::once(cell)).ok()?;
        let read = sqlx::query(AssertSqlSafe(statement)).bind(json).execute(&mut *connection).await;
        if read.is_err() {
            return Some(Explanation { column: Some(cell.0.clone()), note: None });
        }
    }
    None
}

/// Sequences go on behind the highest number that a seed has given.
pub(super) async fn settle(connection: &mut PgConnection, table: &str, columns: &[String]) -> Result<(), sqlx::Error> {
    let name = Postgres::quoted(table);
    for column in columns {
        let sequence: Option<String> = sqlx::query_scalar("SELECT pg_get_serial_sequence($1, $2)")
            .bind(&name)
            .bind(column)
            .fetch_one(&mut *connection)
            .await?;
        let Some(sequence) = sequence else { continue };
        let statement = format!(
            "SELECT setval($1::text::regclass, highest) FROM (SELECT max({})::bigint AS highest FROM {name}) AS seeded \
             WHERE highest > coalesce(pg_sequence_last_value($1::text::regclass), 0)",
            word(column)
        );
        sqlx::query(AssertSqlSafe(statement)).bind(sequence).execute(&mut *connection).await?;
    }
    Ok(())
}

/// What a session may set, and how it is set.
pub(super) async fn settings(connection: &mut PgConnection) -> Result<Vec<(String, String)>, sqlx::Error> {
    const SETTINGS: &str = "SELECT name, setting FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser')";
    sqlx::query_as(SETTINGS).fetch_all(connection).await
}

/// Sets what has changed since then.
pub(super) async fn restore(connection: &mut PgConnection, before: &[(String, String)]) -> Result<(), sqlx::Error> {
    let now = settings(&mut *connection).await?;
    for (name, setting) in before.iter().filter(|setting| !now.contains(setting)) {
        sqlx::query("SELECT pg_catalog.set_config($1, $2, false)")
            .bind(name)
            .bind(setting)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A name in which a dot is a part of it.
fn word(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The cells as an object of JSON.
fn object<'c>(table: &Table<'_>, cells: impl Iterator<Item = &'c (String, Value)>) -> Result<String, RowError> {
    let mut members = Vec::new();
    for (column, value) in cells {
        let value = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(text) | Value::Json(text) => text.clone(),
            Value::Field(text) if table.column(column).is_some_and(|column| column.kind.starts_with("json")) => {
                // A field of a CSV file is text for every column but these.
                if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
                    return Err(RowError::Unfit { column: column.clone(), expected: "JSON" });
                }
                text.clone()
            }
            Value::Text(text) | Value::Field(text) => quoted(text),
        };
        members.push(format!("{}:{value}", quoted(column)));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
