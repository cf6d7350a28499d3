//! Code that all databases share, and the pool of databases on a server.

mod cells;
mod changes;
mod closing;
#[cfg(feature = "_database-server")]
mod connect;
mod failure;
#[cfg(feature = "_database-server")]
mod leases;
#[cfg(feature = "_database-server")]
pub(crate) mod locks;
pub(crate) mod migration;
#[cfg(feature = "_database-server")]
mod migrations;
#[cfg(feature = "_database-server")]
mod pool;
#[cfg(feature = "_database-server")]
mod schema;
pub(crate) mod script;
pub(crate) mod script_failure;
#[cfg(feature = "_database-server")]
mod server;
#[cfg(feature = "_database-server")]
mod template;
mod url;

pub(crate) use cells::cells;
pub(crate) use changes::{Contents, contents, note_changes};
pub(crate) use closing::close_pool;
pub(crate) use failure::{describe, failed_to};
pub(crate) use migration::migrate;
pub(crate) use url::encoded;

#[cfg(feature = "_database-server")]
pub(crate) use {
    connect::{Connect, Locate},
    failure::OrFailedTo,
    leases::{LeaseTables, Leases, NAME as LEASES},
    locks::{Lock, Locks},
    migrations::{Migrations, UrlFunctions},
    pool::{Context, Database, Driver, LeasedDatabase, Leftovers, NotRecycled, PoolOf, Prepared, Snapshot, lease},
    schema::Schema,
    server::{ALLOW_VARIABLE, APPLICATION_VARIABLE, Facts, Inspect, Server},
    url::{DatabaseUrl, password_of, with_database},
};
