//! PostgreSQL.

#[cfg(feature = "migrations")]
mod catalog;
mod operations;
#[cfg(feature = "data")]
mod rows;
