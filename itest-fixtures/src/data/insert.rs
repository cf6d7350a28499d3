//! Rows from values of a test.

use serde::Serialize;
use sqlx::Pool;

use super::error::{Fault, Origin, Place, SeedError};
use super::json;
use super::write::write;
use crate::backend::Backend;

/// Adds rows to a table: of each value, its fields are the columns. All of them are added, or none.
///
/// A field that is not there takes the column's default. Lists and objects go into columns of JSON, in PostgreSQL also into lists
/// and types of its own.
///
/// # Examples
///
/// ```ignore
/// #[derive(serde::Serialize)]
/// struct NewUser { email: String, name: String }
///
/// let users: Vec<NewUser> = data.many(100);
/// data::insert(&db.pool(), "users", &users).await?;
/// ```
///
/// # Errors
///
/// When a value has no fields, the table or a column is missing, or the database refuses a row; it says which.
pub async fn insert<DB: Backend, T: Serialize>(pool: &Pool<DB>, table: &str, rows: &[T]) -> Result<(), SeedError> {
    let origin = Origin::Table(table.to_owned());
    let row = |(number, value): (usize, &T)| {
        let place = Place::Row(number + 1);
        let json = serde_json::to_string(value).map_err(|error| error.to_string());
        let row = json.and_then(|json| json::row(&json).map_err(|unreadable| unreadable.message));
        match row {
            Ok(row) => Ok((place, row)),
            Err(message) => Err(SeedError::new(&origin, place, Fault::Unreadable(message))),
        }
    };
    let rows = rows.iter().enumerate().map(row).collect::<Result<Vec<_>, _>>()?;
    write(pool, &origin, &[(table.to_owned(), rows)]).await
}
