//! Rows into tables.

use sqlx::{Connection as _, Pool};

use super::error::{Fault, Origin, Place, SeedError};
use crate::backend::{Backend, Column, Row, RowError, Table, Value};
use crate::database::describe;

/// Rows of one table, and where each stands.
pub(super) type Batch = (String, Vec<(Place, Row)>);

/// How many rows are given to the database together.
const TOGETHER: usize = 500;

/// Adds all rows, or none.
pub(super) async fn write<DB: Backend>(pool: &Pool<DB>, origin: &Origin, batches: &[Batch]) -> Result<(), SeedError> {
    let mut connection = pool.acquire().await.map_err(|error| cannot_load(origin, &error))?;
    let mut attempted = attempt::<DB>(&mut connection, origin, batches, TOGETHER).await;
    if matches!(attempted, Err(Failure::Among)) {
        // Which of the rows it was is seen when they are given one after the other.
        attempted = attempt::<DB>(&mut connection, origin, batches, 1).await;
    }
    attempted.map_err(|failure| match failure {
        Failure::Told(error) => error,
        Failure::Among => SeedError::new(origin, Place::Whole, Fault::Database("a row of it was refused".to_owned())),
    })
}

/// Why an attempt at all rows has failed. Nothing of it is left.
enum Failure {
    /// One of some rows that were given together was refused.
    Among,
    Told(SeedError),
}

impl From<SeedError> for Failure {
    fn from(error: SeedError) -> Self {
        Self::Told(error)
    }
}

fn cannot_load(origin: &Origin, error: &sqlx::Error) -> SeedError {
    SeedError::new(origin, Place::Whole, Fault::Database(format!("cannot load it: {}", describe(error))))
}

async fn attempt<DB: Backend>(
    connection: &mut DB::Connection,
    origin: &Origin,
    batches: &[Batch],
    together: usize,
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
        for alike in rows.chunk_by(|(_, left), (_, right)| left.is_like(right)).flat_map(|alike| alike.chunks(together))
        {
            let given: Vec<_> = alike.iter().map(|(_, row)| row).collect();
            let Err(error) = DB::insert(&mut transaction, &table, &given).await else { continue };
            transaction.rollback().await.map_err(database)?;
            let [(place, row)] = alike else { return Err(Failure::Among) };
            let fault = refusal::<DB>(connection, table, row, error).await;
            return Err(SeedError::new(origin, place.clone(), fault).into());
        }
        DB::settle(&mut transaction, name, &given(&columns, rows)).await.map_err(database)?;
    }
    transaction.commit().await.map_err(database)?;
    Ok(())
}

/// The columns that the rows have values for.
fn given(columns: &[Column], rows: &[(Place, Row)]) -> Vec<String> {
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
    let value = |column: &str| row.value(column).map_or_else(|| "no value".to_owned(), Value::shown);
    match error {
        RowError::Unfit { column, expected } => {
            Fault::Unfit { table: name, kind: kind(&column), value: value(&column), column, expected }
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
