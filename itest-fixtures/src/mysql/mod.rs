//! MariaDB and MySQL: a private, migrated, seeded database for every test, behind a real pool.
//!
//! The server is the one that `ITEST_MYSQL_URL` names, or one that is started for the run from the programs that are installed or
//! in a container.

mod address;
mod changes;
mod cluster;
mod connection;
#[cfg(feature = "containers")]
mod container;
mod database;
mod definitions;
mod glance;
mod inventory;
mod isolation;
mod leases;
mod restore;
mod schema;
mod server;
mod shape;
mod shelf;
mod template;

pub use database::Mysql;
pub use isolation::{Cloned, Isolation, Recycled};
pub use schema::Schema;
