//! The databases of one worker: created from the template, leased to tests, and recycled or replaced.

mod driver;
mod drop_connections;
mod idle;
mod leased;
mod leftovers;
mod recycling;
mod worker;

pub(crate) use driver::{Context, Database, Driver, Prepared, SchemaFunctions, Snapshot};
pub(crate) use leased::{LeasedDatabase, lease};
pub(crate) use leftovers::Leftovers;
pub(crate) use recycling::NotRecycled;
pub(crate) use worker::PoolOf;
