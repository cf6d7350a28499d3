//! Inserts the rows of seeds into tables.

use sqlx::{Connection as _, Pool};

use super::error::{Fault, Origin, Place, SeedError};
use crate::backend::{Backend, Column, Row, RowError, Table, Value};
use crate::database::describe;

/// The rows of one table, with their positions in the source.
pub(super) type Batch = (String, Vec<(Place, Row)>);

/// The maximum number of rows in one statement.
const MAX_ROWS_PER_STATEMENT: usize = 500;

/// Inserts all rows, or none.
pub(super) async fn write<DB: Backend>(pool: &Pool<DB>, origin: &Origin, batches: &[Batch]) -> Result<(), SeedError> {
    let mut connection = pool.acquire().await.map_err(|error| cannot_load(origin, &error))?;
    let mut result = attempt::<DB>(&mut connection, origin, batches, MAX_ROWS_PER_STATEMENT).await;
    if matches!(result, Err(Failure::RowInStatement)) {
        // The rows are inserted one by one, to find the refused row.
        result = attempt::<DB>(&mut connection, origin, batches, 1).await;
    }
    result.map_err(|failure| match failure {
        Failure::Seed(error) => error,
        Failure::RowInStatement => {
            SeedError::new(origin, Place::Whole, Fault::Database("a row of it was refused".to_owned()))
        }
    })
}

/// Why an attempt to insert all rows has failed. The attempt was rolled back.
enum Failure {
    /// A statement with several rows was refused, so the row is not known.
    RowInStatement,
    Seed(SeedError),
}

impl From<SeedError> for Failure {
    fn from(error: SeedError) -> Self {
        Self::Seed(error)
    }
}

fn cannot_load(origin: &Origin, error: &sqlx::Error) -> SeedError {
    SeedError::new(origin, Place::Whole, Fault::Database(format!("cannot load it: {}", describe(error))))
}

async fn attempt<DB: Backend>(
    connection: &mut DB::Connection,
    origin: &Origin,
    batches: &[Batch],
    rows_per_statement: usize,
) -> Result<(), Failure> {
    let database = |error: sqlx::Error| cannot_load(origin, &error);
    let mut transaction = connection.begin().await.map_err(database)?;
    for (name, rows) in batches {
        let Some(columns) = DB::columns(&mut transaction, name).await.map_err(database)? else {
            let tables = DB::tables(&mut transaction).await.map_err(database)?;
            let place = rows.first().map_or(Place::Whole, |(place, _)| place.clone());
            return Err(SeedError::new(origin, place, Fault::NoTable { table: name.clone(), tables }).into());
        };
        let table = Table { name, columns: &columns };
        for (place, row) in rows {
            check(table, row).map_err(|fault| SeedError::new(origin, place.clone(), fault))?;
        }
        for chunk in rows
            .chunk_by(|(_, left), (_, right)| left.has_same_columns(right))
            .flat_map(|chunk| chunk.chunks(rows_per_statement))
        {
            let rows: Vec<_> = chunk.iter().map(|(_, row)| row).collect();
            let Err(error) = DB::insert(&mut transaction, &table, &rows).await else { continue };
            transaction.rollback().await.map_err(database)?;
            let [(place, row)] = chunk else { return Err(Failure::RowInStatement) };
            let fault = refusal::<DB>(connection, table, row, error).await;
            return Err(SeedError::new(origin, place.clone(), fault).into());
        }
        DB::advance_sequences(&mut transaction, name, &columns_with_values(&columns, rows)).await.map_err(database)?;
    }
    transaction.commit().await.map_err(database)?;
    Ok(())
}

/// The columns that the rows have values for.
fn columns_with_values(columns: &[Column], rows: &[(Place, Row)]) -> Vec<String> {
    let names = columns.iter().map(|column| &column.name);
    names.filter(|name| rows.iter().any(|(_, row)| row.value(name).is_some())).cloned().collect()
}

fn check(table: Table<'_>, row: &Row) -> Result<(), Fault> {
    match row.cells.iter().find(|(column, _)| table.column(column).is_none()) {
        None => Ok(()),
        Some((column, _)) => Err(Fault::NoColumn {
            table: table.name.to_owned(),
            column: column.clone(),
            columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        }),
    }
}

async fn refusal<DB: Backend>(connection: &mut DB::Connection, table: Table<'_>, row: &Row, error: RowError) -> Fault {
    let name = table.name.to_owned();
    let kind = |column: &str| table.column(column).map_or_else(String::new, |column| column.kind.clone());
    let value = |column: &str| row.value(column).map_or_else(|| "no value".to_owned(), Value::message_text);
    match error {
        RowError::WrongType { column, expected } => {
            Fault::WrongType { table: name, kind: kind(&column), value: value(&column), column, expected }
        }
        RowError::Refused(error) => {
            let explained = DB::explain(connection, &table, row, &error).await.unwrap_or_default();
            let note = explained.note.map_or_else(String::new, |note| format!(" ({note})"));
            let message = format!("{}{note}", describe(&error));
            match explained.column {
                Some(column) => {
                    Fault::Refused { table: name, kind: kind(&column), value: value(&column), column, message }
                }
                None => Fault::RefusedRow { table: name, message },
            }
        }
    }
}
