//! Rows of seeds in SQLite, which takes any value into any column unless somebody looks.

use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::backend::operations::Explanation;
use crate::backend::{Column, Operations as _, Row, RowError, Table, Value};

/// The columns of a table; `None` if there is no such table.
pub(super) async fn columns(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Option<Vec<Column>>, sqlx::Error> {
    let columns: Vec<(String, String)> =
        sqlx::query_as("SELECT name, type FROM pragma_table_xinfo(?)").bind(table).fetch_all(connection).await?;
    let columns: Vec<_> = columns.into_iter().map(|(name, kind)| Column { name, kind }).collect();
    Ok((!columns.is_empty()).then_some(columns))
}

/// Adds rows.
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
    // There is no way to a server that many rows could take together.
    for row in rows {
        let mut query = sqlx::query(AssertSqlSafe(statement.as_str()));
        for (column, value) in &row.cells {
            let expected = table.column(column).map_or(Kind::Any, |column| Kind::of(&column.kind));
            query = match expected.read(value) {
                Ok(Bound::Null) => query.bind(None::<i64>),
                Ok(Bound::Integer(number)) => query.bind(number),
                Ok(Bound::Real(number)) => query.bind(number),
                Ok(Bound::Text(text)) => query.bind(text),
                Err(expected) => return Err(RowError::Unfit { column: column.clone(), expected }),
            };
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// SQLite says neither which foreign key is broken nor what it refers to.
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

/// What a column takes, by its declared type (<https://www.sqlite.org/datatype3.html>). Dates are text, and `NUMERIC` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Integer,
    Real,
    Any,
}

/// What is given to SQLite.
#[derive(Debug, PartialEq)]
enum Bound<'v> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'v str),
}

impl Kind {
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

    /// The value as it is given to SQLite, or what was expected instead.
    fn read(self, value: &Value) -> Result<Bound<'_>, &'static str> {
        match (self, value) {
            (_, Value::Null) => Ok(Bound::Null),
            (_, Value::Bool(value)) => Ok(Bound::Integer(i64::from(*value))),
            (Self::Boolean, value) => truth(value).ok_or("true or false"),
            (Self::Integer, Value::Json(_)) => Err("a whole number"),
            (Self::Integer, Value::Number(text) | Value::Text(text) | Value::Field(text)) => {
                text.trim().parse().map(Bound::Integer).map_err(|_| "a whole number")
            }
            (Self::Real, Value::Json(_)) => Err("a number"),
            (Self::Real, Value::Number(text) | Value::Text(text) | Value::Field(text)) => {
                text.trim().parse().map(Bound::Real).map_err(|_| "a number")
            }
            (Self::Any, Value::Number(text)) => Ok(number(text)),
            (Self::Any, Value::Text(text) | Value::Json(text) | Value::Field(text)) => Ok(Bound::Text(text)),
        }
    }
}

fn truth(value: &Value) -> Option<Bound<'static>> {
    let (Value::Number(text) | Value::Text(text) | Value::Field(text)) = value else { return None };
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(Bound::Integer(1)),
        "false" | "f" | "0" => Some(Bound::Integer(0)),
        _ => None,
    }
}

/// A number that neither fits into SQLite's integers nor has a fraction stays text, so that no digit gets lost.
fn number(text: &str) -> Bound<'_> {
    if let Ok(number) = text.parse() {
        return Bound::Integer(number);
    }
    match text.parse() {
        Ok(number) if text.contains(['.', 'e', 'E']) => Bound::Real(number),
        _ => Bound::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_takes_what_its_type_says() {
        let field = |text: &str| Value::Field(text.to_owned());
        assert_eq!(Kind::of("boolean").read(&field("TRUE")), Ok(Bound::Integer(1)));
        assert_eq!(Kind::of("BIGINT").read(&field("abc")), Err("a whole number"));
        assert_eq!(Kind::of("DOUBLE PRECISION").read(&field("1.5")), Ok(Bound::Real(1.5)));
        assert_eq!(Kind::of("DATETIME").read(&field("2026-01-01")), Ok(Bound::Text("2026-01-01")));
        assert_eq!(Kind::of("VARCHAR(3)").read(&field("1")), Ok(Bound::Text("1")));
        assert_eq!(
            Kind::of("").read(&Value::Number("12345678901234567890".to_owned())),
            Ok(Bound::Text("12345678901234567890"))
        );
    }
}
