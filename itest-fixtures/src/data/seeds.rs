//! Loads seeds: files with rows.

use std::path::{Path, PathBuf};

use sqlx::Pool;

use super::error::{Fault, Origin, Place, SeedError};
use super::write::{Batch, write};
use super::{csv, json};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::{Dialect, excerpt, statements};

/// Loads seeds into a database, in the order in which they are given.
///
/// The extension of a file determines its format:
///
/// - `.sql`: a script, which is sent to the database as a whole.
/// - `.json`: `{"table": [{"column": value}]}`, with tables and rows in the order of the file.
/// - `.csv`: the rows of one table; the file's name without leading digits is the table's (`02_orders.csv`), its first line names
///   the columns. An empty field is `NULL`, `""` is an empty text.
///
/// From a folder, all files with these extensions are loaded, in the order of their names. From a JSON or CSV file, either all rows are
/// loaded or none. A missing value gets the column's default. PostgreSQL's sequences continue after the ids of the seed.
///
/// # Examples
///
/// ```
/// # use itest::{data, sqlite::Sqlite};
/// # async fn load<S>(db: &Sqlite<S>) -> itest::Result {
/// data::load(&db.pool(), ["tests/seeds/customers.json", "tests/seeds/orders.csv"]).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When a file cannot be read or is malformed, a table or a column is missing, or the database refuses a row or a statement. The error
/// names file, line, table, column and value.
pub async fn load<DB: Backend, P: AsRef<Path>>(
    pool: &Pool<DB>,
    seeds: impl IntoIterator<Item = P>,
) -> Result<(), SeedError> {
    for seed in seeds {
        for (path, format) in files(seed.as_ref())? {
            load_file(pool, path, format).await?;
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Sql,
    Json,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "sql" => Some(Self::Sql),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// The files of a path: the file itself, or the seeds in a folder.
fn files(path: &Path) -> Result<Vec<(PathBuf, Format)>, SeedError> {
    let error_of = |fault| SeedError::new(&Origin::File(path.to_owned()), Place::Whole, fault);
    if !path.is_dir() {
        let format = Format::of(path).ok_or_else(|| error_of(Fault::UnknownFormat))?;
        return Ok(vec![(path.to_owned(), format)]);
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| error_of(missing(error)))?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut files: Vec<_> = paths.filter_map(|path| Format::of(&path).map(|format| (path, format))).collect();
    files.sort_by(|(left, _), (right, _)| left.cmp(right));
    if files.is_empty() { Err(error_of(Fault::EmptyFolder)) } else { Ok(files) }
}

fn missing(error: std::io::Error) -> Fault {
    let directory = std::env::current_dir()
        .map_or_else(|_| "the current directory".to_owned(), |directory| directory.display().to_string());
    Fault::Missing { error, directory }
}

async fn load_file<DB: Backend>(pool: &Pool<DB>, path: PathBuf, format: Format) -> Result<(), SeedError> {
    let origin = Origin::File(path.clone());
    let error_at = |place, fault| SeedError::new(&origin, place, fault);
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| error_at(Place::Whole, missing(error)))?;
    let batches = match format {
        Format::Sql => return run(pool, &origin, &text).await,
        Format::Json => json::tables(&text),
        Format::Csv => csv::rows(&text).map(|rows| vec![(table_of(&path), rows)]),
    };
    let batches: Vec<Batch> =
        batches.map_err(|error| error_at(Place::Line(error.line), Fault::ParseError(error.message)))?;
    write(pool, &origin, &batches).await
}

/// The table of a CSV file: `02_orders.csv` contains the rows of `orders`.
fn table_of(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = stem.trim_start_matches(|character: char| character.is_ascii_digit()).trim_start_matches(['_', '-']);
    if name.is_empty() { stem } else { name.to_owned() }
}

async fn run<DB: Backend>(pool: &Pool<DB>, origin: &Origin, script: &str) -> Result<(), SeedError> {
    let error_at = |place, fault| SeedError::new(origin, place, fault);
    if let Some(statement) =
        statements(script, DB::DIALECT).into_iter().find(|statement| copies_from_stdin(statement.text, DB::DIALECT))
    {
        return Err(error_at(Place::Line(statement.line), Fault::CopyFromStdin));
    }
    let connection = pool.acquire().await;
    let mut connection = connection.map_err(|error| error_at(Place::Whole, Fault::Database(describe(&error))))?;
    let Err(failure) = DB::run_seed(&mut connection, script).await else { return Ok(()) };
    let message = describe(&failure.error);
    Err(match failure.location(script, DB::DIALECT) {
        Some((line, statement)) => {
            error_at(Place::Line(line), Fault::Statement { message, statement: excerpt(statement) })
        }
        None => error_at(Place::Whole, Fault::Database(message)),
    })
}

/// Whether a statement is `COPY … FROM stdin`. The server would wait for rows that only `psql` sends.
fn copies_from_stdin(statement: &str, dialect: Dialect) -> bool {
    let mut words = statement.split_whitespace().map(str::to_ascii_uppercase);
    dialect == Dialect::Postgres
        && words.next().as_deref() == Some("COPY")
        && words.any(|word| word.starts_with("STDIN"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_a_csv_file_is_taken_from_its_name() {
        let table = |path: &str| table_of(Path::new(path));
        assert_eq!(table("seeds/orders.csv"), "orders");
        assert_eq!(table("02_order-lines.csv"), "order-lines");
        assert_eq!(table("001-a.csv"), "a");
        assert_eq!(table("42.csv"), "42");
        assert_eq!(table("shop.orders.csv"), "shop.orders");
    }
}
