//! The errors of seeds, with their positions.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// A seed that cannot be loaded.
#[derive(Debug, Error)]
#[error("{origin}{place}: {fault}")]
pub struct SeedError {
    origin: Origin,
    place: Place,
    fault: Box<Fault>,
}

impl SeedError {
    pub(super) fn new(origin: &Origin, place: Place, fault: Fault) -> Self {
        Self { origin: origin.clone(), place, fault: Box::new(fault) }
    }
}

/// The source of rows.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    File(PathBuf),
    /// Values of a test, for this table.
    Table(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Table(name) => write!(formatter, "rows for {name}"),
        }
    }
}

/// A position in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Whole,
    Line(usize),
    /// The number of the row, counted from 1.
    Row(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(line) => write!(formatter, ":{line}"),
            Self::Row(row) => write!(formatter, ", row {row}"),
        }
    }
}

/// A file that is not valid in its format.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    pub(super) line: usize,
    pub(super) message: String,
}

impl ParseError {
    pub(super) fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// The kinds of errors.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error("cannot be read: {error}; a relative path begins at {directory}")]
    Missing { error: std::io::Error, directory: String },
    #[error("is no seed; a seed ends in .sql, .json or .csv, or is a folder with such files")]
    UnknownFormat,
    #[error("has no .sql, .json or .csv file in it")]
    EmptyFolder,
    #[error("`COPY … FROM stdin` is followed by rows that only psql sends; dump them with `pg_dump --inserts`")]
    CopyFromStdin,
    #[error("{0}")]
    ParseError(String),
    #[error("there is no table `{table}`; there {}", listed("is", "are", .tables))]
    NoTable { table: String, tables: Vec<String> },
    #[error("table `{table}` has no column `{column}`; it has {}", .columns.join(", "))]
    NoColumn { table: String, column: String, columns: Vec<String> },
    #[error("{table}.{column} is {kind} and takes {expected}, not {value}")]
    WrongType { table: String, column: String, kind: String, expected: &'static str, value: String },
    #[error("{table}.{column} is {kind} and was given {value}: {message}")]
    Refused { table: String, column: String, kind: String, value: String, message: String },
    #[error("table `{table}` refused the row: {message}")]
    RefusedRow { table: String, message: String },
    #[error("{message}, in: {statement}")]
    Statement { message: String, statement: String },
    #[error("{0}")]
    Database(String),
}

fn listed(one: &str, many: &str, names: &[String]) -> String {
    match names {
        [] => format!("{many} none: load seeds after the migrations"),
        [name] => format!("{one} {name}"),
        names => format!("{many} {}", names.join(", ")),
    }
}
