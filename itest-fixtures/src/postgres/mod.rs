//! PostgreSQL: a private, migrated and seeded database for every test, with a pool of connections.
//!
//! The server is the one that `ITEST_POSTGRES_URL` names, or one that itest starts for the run, from the installed programs or in a
//! container. Everything that itest creates on the server has a mark in its name and is recorded in a table of leases.

mod address;
mod change_detector;
mod changes;
mod connection;
mod culprits;
mod data_directory;
mod database;
mod databases;
mod driver;
mod facts;
mod generation;
mod inventory;
mod isolation;
mod leases;
mod locks;
mod migration_lock;
mod pool;
mod programs;
mod properties;
mod query_plan;
mod restore;
mod schema;
mod schema_by_url;
mod service;
mod sessions;
mod settings;
mod shared;
mod shared_memory;
mod stop;
mod task_count;
mod template;
mod transaction;
mod with_isolation;

pub use database::Postgres;
pub use isolation::Isolation;
pub use schema::Schema;
pub use schema_by_url::SchemaByUrl;
pub use with_isolation::{Cloned, InSchema, InTransaction, Recycled};
