//! MariaDB and MySQL: a private, migrated, seeded database for every test, behind a real pool.
//!
//! The server is the one that `ITEST_MYSQL_URL` names, or one that is started for the run from the programs that are installed or
//! in a container.

mod address;
mod changes;
mod connection;
mod database;
mod databases;
mod definitions;
mod driver;
mod facts;
mod glance;
mod inventory;
mod isolation;
mod leases;
mod locks;
mod programs;
mod restore;
mod rights;
mod schema;
mod service;
mod shape;
mod with_isolation;

pub use database::Mysql;
pub use isolation::Isolation;
pub use schema::Schema;
pub use with_isolation::{Cloned, Recycled};
