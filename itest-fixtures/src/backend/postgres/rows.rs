//! Inserts the rows of seeds in PostgreSQL. The rows are sent as JSON, which the server converts to the types of the columns, including
//! arrays, ranges and user-defined types.

use sqlx::{AssertSqlSafe, PgConnection, Postgres};

use crate::backend::{Column, Explanation, Operations as _, Row, RowError, Table, Value};

/// The columns of a table, or `None` if there is no such table.
pub(super) async fn columns(connection: &mut PgConnection, table: &str) -> Result<Option<Vec<Column>>, sqlx::Error> {
    const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
                           WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    let columns: Vec<(String, String)> =
        sqlx::query_as(COLUMNS).bind(Postgres::quoted(table)).fetch_all(connection).await?;
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| Column { name, kind }).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Inserts rows. A value of the seed is used even for a column whose values the server always generates.
pub(super) async fn insert(connection: &mut PgConnection, table: &Table<'_>, rows: &[&Row]) -> Result<(), RowError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let name = Postgres::quoted(table.name);
    let names: Vec<_> = first.cells.iter().map(|(column, _)| quoted_name(column)).collect();
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

/// Finds the column of a refused value. The server names the column of a missing value, but not that of a value that it cannot parse, so
/// each value is parsed alone.
pub(super) async fn explain(
    connection: &mut PgConnection,
    table: &Table<'_>,
    row: &Row,
    error: &sqlx::Error,
) -> Option<Explanation> {
    let refusal = error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    if let Some(column) = refusal.column() {
        return Some(Explanation { column: Some(column.to_owned()), note: None });
    }
    let name = Postgres::quoted(table.name);
    for cell in &row.cells {
        let column = quoted_name(&cell.0);
        let statement = format!("SELECT {column} FROM json_populate_record(NULL::{name}, $1::text::json)");
        let json = object(table, std::iter::once(cell)).ok()?;
        let read = sqlx::query(AssertSqlSafe(statement)).bind(json).execute(&mut *connection).await;
        if read.is_err() {
            return Some(Explanation { column: Some(cell.0.clone()), note: None });
        }
    }
    None
}

/// Advances sequences beyond the greatest values that a seed has inserted.
pub(super) async fn advance_sequences(
    connection: &mut PgConnection,
    table: &str,
    columns: &[String],
) -> Result<(), sqlx::Error> {
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
            quoted_name(column)
        );
        sqlx::query(AssertSqlSafe(statement)).bind(sequence).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The settings that a session may change, with their values.
pub(super) async fn settings(connection: &mut PgConnection) -> Result<Vec<(String, String)>, sqlx::Error> {
    const SETTINGS: &str = "SELECT name, setting FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser')";
    sqlx::query_as(SETTINGS).fetch_all(connection).await
}

/// Restores the settings that have changed.
pub(super) async fn restore_settings(
    connection: &mut PgConnection,
    before: &[(String, String)],
) -> Result<(), sqlx::Error> {
    let current = settings(&mut *connection).await?;
    for (name, setting) in before.iter().filter(|setting| !current.contains(setting)) {
        sqlx::query("SELECT pg_catalog.set_config($1, $2, false)")
            .bind(name)
            .bind(setting)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Quotes a single name; a dot in it does not separate a schema.
fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The cells as a JSON object.
fn object<'c>(table: &Table<'_>, cells: impl Iterator<Item = &'c (String, Value)>) -> Result<String, RowError> {
    let mut members = Vec::new();
    for (column, value) in cells {
        let value = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(text) | Value::Json(text) => text.clone(),
            Value::Field(text) if table.column(column).is_some_and(|column| column.kind.starts_with("json")) => {
                // A CSV field is text, except for columns of JSON.
                if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
                    return Err(RowError::WrongType { column: column.clone(), expected: "JSON" });
                }
                text.clone()
            }
            Value::Text(text) | Value::Field(text) => json_string(text),
        };
        members.push(format!("{}:{value}", json_string(column)));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
