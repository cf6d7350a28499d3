//! The operations that seeds and migration checks need from each kind of database.

#[cfg(feature = "migrations")]
mod entry;
#[cfg(feature = "mysql")]
mod mysql;
mod operations;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "data")]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "migrations")]
pub(crate) use entry::Entry;
pub use operations::Backend;
pub(crate) use operations::Operations;
#[cfg(feature = "data")]
pub(crate) use operations::{Explanation, Table};
#[cfg(feature = "data")]
pub(crate) use row::{Column, Row, RowError, Value};
