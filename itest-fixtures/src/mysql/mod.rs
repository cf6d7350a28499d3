//! MariaDB and MySQL: a private, migrated and seeded database for every test, with a pool of connections.
//!
//! The server is the one that `ITEST_MYSQL_URL` names, or one that itest starts for the run, from the installed programs or in a container.

mod address;
mod change_detector;
mod changes;
mod connection;
mod database;
mod databases;
mod definition_files;
mod definitions;
mod driver;
mod facts;
mod inventory;
mod isolation;
mod leases;
mod locks;
mod programs;
mod restore;
mod rights;
mod schema;
mod schema_by_url;
mod service;
mod with_isolation;

pub use database::Mysql;
pub use isolation::Isolation;
pub use schema::Schema;
pub use schema_by_url::SchemaByUrl;
pub use with_isolation::{Cloned, Recycled};
