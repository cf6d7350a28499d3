//! PostgreSQL: a private, migrated, seeded database for every test, behind a real pool.
//!
//! The server is the one that `ITEST_POSTGRES_URL` names, or one that is started for the run from the programs that are
//! installed or in a container. Everything that is made on it bears a mark and stands in a table of leases.

mod address;
mod binaries;
mod changes;
mod checkup;
mod cluster;
mod connection;
#[cfg(feature = "containers")]
mod container;
mod database;
mod era;
mod guard;
mod initialized;
mod inventory;
mod isolation;
mod leases;
mod pool;
mod restore;
mod schema;
mod segment;
mod server;
mod settings;
mod shelf;
mod tasks;
mod template;
mod transaction;

pub use database::Postgres;
pub use isolation::{Cloned, InSchema, InTransaction, Isolation, Recycled};
pub use schema::Schema;
