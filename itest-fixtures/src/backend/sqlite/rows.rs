//! Inserts the rows of seeds in SQLite, and checks the types of their values, because SQLite stores any value in any column.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::backend::operations::Explanation;
use crate::backend::{Column, Operations as _, Row, RowError, Table, Value};

/// The columns of a table, or `None` if there is no such table.
pub(super) async fn columns(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Option<Vec<Column>>, sqlx::Error> {
    let columns: Vec<(String, String)> =
        sqlx::query_as("SELECT name, type FROM pragma_table_xinfo(?)").bind(table).fetch_all(connection).await?;
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| Column { name, kind }).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Inserts rows.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    rows: &[&Row],
) -> Result<(), RowError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let name = Sqlite::quoted(table.name);
    let names: Vec<_> = first.cells.iter().map(|(column, _)| Sqlite::quoted(column)).collect();
    let statement = if names.is_empty() {
        format!("INSERT INTO {name} DEFAULT VALUES")
    } else {
        format!("INSERT INTO {name} ({}) VALUES ({})", names.join(", "), vec!["?"; names.len()].join(", "))
    };
    // The rows are inserted one by one: without a server there are no round trips to save.
    for row in rows {
        let mut query = sqlx::query(AssertSqlSafe(statement.as_str()));
        for (column, value) in &row.cells {
            let expected = table.column(column).map_or(ColumnType::Any, |column| ColumnType::of(&column.kind));
            query = match expected.convert(value) {
                Ok(BoundValue::Null) => query.bind(None::<i64>),
                Ok(BoundValue::Integer(number)) => query.bind(number),
                Ok(BoundValue::Real(number)) => query.bind(number),
                Ok(BoundValue::Text(text)) => query.bind(text),
                Err(expected) => return Err(RowError::WrongType { column: column.clone(), expected }),
            };
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Lists the foreign keys of the table, because the error of SQLite does not say which one is violated.
pub(super) async fn explain(
    connection: &mut SqliteConnection,
    table: &Table<'_>,
    error: &sqlx::Error,
) -> Option<Explanation> {
    const KEYS: &str = "SELECT \"from\" || ' refers to ' || \"table\" || coalesce('.' || \"to\", '') \
                        FROM pragma_foreign_key_list(?) ORDER BY id, seq";
    if !error.as_database_error()?.is_foreign_key_violation() {
        return None;
    }
    let keys: Vec<String> = sqlx::query_scalar(KEYS).bind(table.name).fetch_all(connection).await.ok()?;
    Some(Explanation { column: None, note: (!keys.is_empty()).then(|| keys.join(", ")) })
}

/// The type of values that a column takes, derived from its declared type (<https://www.sqlite.org/datatype3.html>). Dates are text, and a
/// `NUMERIC` column takes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    Boolean,
    Integer,
    Real,
    Any,
}

/// A value as it is bound to a statement.
#[derive(Debug, PartialEq)]
enum BoundValue<'v> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'v str),
}

impl ColumnType {
    fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let names = |parts: &[&str]| parts.iter().any(|part| declared.contains(part));
        if names(&["BOOL"]) {
            Self::Boolean
        } else if names(&["INT"]) {
            Self::Integer
        } else if names(&["CHAR", "CLOB", "TEXT"]) {
            Self::Any
        } else if names(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Any
        }
    }

    /// Converts a value for SQLite, or returns a description of the expected values.
    fn convert(self, value: &Value) -> Result<BoundValue<'_>, &'static str> {
        match (self, value) {
            (_, Value::Null) => Ok(BoundValue::Null),
            (_, Value::Bool(value)) => Ok(BoundValue::Integer(i64::from(*value))),
            (Self::Boolean, value) => boolean(value).ok_or("true or false"),
            (Self::Integer, Value::Json(_)) => Err("a whole number"),
            (Self::Integer, Value::Number(text) | Value::Text(text) | Value::Field(text)) => {
                text.trim().parse().map(BoundValue::Integer).map_err(|_| "a whole number")
            }
            (Self::Real, Value::Json(_)) => Err("a number"),
            (Self::Real, Value::Number(text) | Value::Text(text) | Value::Field(text)) => {
                text.trim().parse().map(BoundValue::Real).map_err(|_| "a number")
            }
            (Self::Any, Value::Number(text)) => Ok(number(text)),
            (Self::Any, Value::Text(text) | Value::Json(text) | Value::Field(text)) => Ok(BoundValue::Text(text)),
        }
    }
}

fn boolean(value: &Value) -> Option<BoundValue<'static>> {
    let (Value::Number(text) | Value::Text(text) | Value::Field(text)) = value else { return None };
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(BoundValue::Integer(1)),
        "false" | "f" | "0" => Some(BoundValue::Integer(0)),
        _ => None,
    }
}

/// Converts a number. A whole number that is too large for SQLite's integers stays text, so that no digit gets lost.
fn number(text: &str) -> BoundValue<'_> {
    if let Ok(number) = text.parse() {
        return BoundValue::Integer(number);
    }
    match text.parse() {
        Ok(number) if text.contains(['.', 'e', 'E']) => BoundValue::Real(number),
        _ => BoundValue::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_converted_to_the_declared_type_of_its_column() {
        let field = |text: &str| Value::Field(text.to_owned());
        assert_eq!(ColumnType::of("boolean").convert(&field("TRUE")), Ok(BoundValue::Integer(1)));
        assert_eq!(ColumnType::of("BIGINT").convert(&field("abc")), Err("a whole number"));
        assert_eq!(ColumnType::of("DOUBLE PRECISION").convert(&field("1.5")), Ok(BoundValue::Real(1.5)));
        assert_eq!(ColumnType::of("DATETIME").convert(&field("2026-01-01")), Ok(BoundValue::Text("2026-01-01")));
        assert_eq!(ColumnType::of("VARCHAR(3)").convert(&field("1")), Ok(BoundValue::Text("1")));
        assert_eq!(
            ColumnType::of("").convert(&Value::Number("12345678901234567890".to_owned())),
            Ok(BoundValue::Text("12345678901234567890"))
        );
    }
}
