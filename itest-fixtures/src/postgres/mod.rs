//! PostgreSQL: a private, migrated, seeded database for every test, behind a real pool.
//!
//! The server is the one that `ITEST_POSTGRES_URL` names, or one that is started for the run from the programs that are
//! installed or in a container. Everything that is made on it bears a mark and stands in a table of leases.

mod address;
mod changes;
mod checkup;
mod connection;
mod culprits;
mod data_directory;
mod database;
mod databases;
mod driver;
mod era;
mod facts;
mod inventory;
mod isolation;
mod leases;
mod locks;
mod pool;
mod programs;
mod properties;
mod restore;
mod schema;
mod segment;
mod service;
mod sessions;
mod settings;
mod shared;
mod stop;
mod tasks;
mod template;
mod transaction;
mod turns;
mod with_isolation;

pub use database::Postgres;
pub use isolation::Isolation;
pub use schema::Schema;
pub use with_isolation::{Cloned, InSchema, InTransaction, Recycled};
