//! The databases that seeds are loaded into and migrations are checked on, and what is different between them.

#[cfg(feature = "migrations")]
mod entry;
#[cfg(feature = "mysql")]
mod mysql;
mod operations;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "data")]
mod row;
mod script;
#[cfg(feature = "sqlite")]
mod sqlite;
mod text;

#[cfg(feature = "migrations")]
pub(crate) use entry::Entry;
pub use operations::Backend;
#[cfg(feature = "data")]
pub(crate) use operations::{Explanation, Table};
pub(crate) use operations::{Operations, ScriptFailure};
#[cfg(feature = "data")]
pub(crate) use row::{Column, Row, RowError, Value};
pub(crate) use script::{Dialect, excerpt, line_of, statements};
pub(crate) use text::describe;
