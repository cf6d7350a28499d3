//! SQLite: a private, migrated database for every test, with a pool of connections.
//!
//! A worker migrates a template once. Each test gets a copy of it, in memory or in a file.

mod database;
mod options;
mod pages;
mod schema;
mod template;

pub use database::Sqlite;
pub use schema::{Schema, Storage};
