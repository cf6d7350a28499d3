//! Inserts values of a test as rows.

use serde::Serialize;
use sqlx::Pool;

use super::error::{Fault, Origin, Place, SeedError};
use super::json;
use super::write::write;
use crate::backend::Backend;

/// Inserts values into a table. The fields of each value are the columns. Either all rows are inserted or none.
///
/// A missing field gets the column's default. Lists and objects go into columns of JSON; in PostgreSQL they also go into arrays and
/// user-defined types.
///
/// # Examples
///
/// ```
/// # use itest::data::{self, Data, Factory};
/// # use itest::sqlite::Sqlite;
/// #[derive(serde::Serialize)]
/// struct NewUser {
///     email: String,
///     name: String,
/// }
/// # impl Factory for NewUser {
/// #     fn make(data: &Data) -> Self { Self { email: data.email(), name: "Ada".to_owned() } }
/// # }
///
/// # async fn insert<S>(db: &Sqlite<S>, data: &Data) -> itest::Result {
/// let users: Vec<NewUser> = data.many(100);
/// data::insert(&db.pool(), "users", &users).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When a value has no fields, the table or a column is missing, or the database refuses a row. The error names them.
pub async fn insert<DB: Backend, T: Serialize>(pool: &Pool<DB>, table: &str, rows: &[T]) -> Result<(), SeedError> {
    let origin = Origin::Table(table.to_owned());
    let row = |(number, value): (usize, &T)| {
        let place = Place::Row(number + 1);
        let json = serde_json::to_string(value).map_err(|error| error.to_string());
        let row = json.and_then(|json| json::row(&json).map_err(|error| error.message));
        match row {
            Ok(row) => Ok((place, row)),
            Err(message) => Err(SeedError::new(&origin, place, Fault::ParseError(message))),
        }
    };
    let rows = rows.iter().enumerate().map(row).collect::<Result<Vec<_>, _>>()?;
    write(pool, &origin, &[(table.to_owned(), rows)]).await
}
