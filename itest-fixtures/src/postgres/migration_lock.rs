//! A lock that allows one migration at a time in a database, among all workers of all processes and machines.
//!
//! `CREATE INDEX CONCURRENTLY`, like every concurrent operation, waits until no other session of the database has an older snapshot. A
//! session that waits for sqlx's migration lock does so in a statement, which keeps its snapshot until it ends: the two sessions would wait
//! for each other. Therefore a separate session of itest takes a lock before a schema is migrated, and polls for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use itest_runtime::Error;

use super::connection::PostgresDriver;
use crate::database::locks::lock;
use crate::database::{LEASES, Lock, Locks as _, Server};

/// How long to wait for the migrations of other tests. The timeout of a test's setup is usually shorter.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(10);

/// A worker's connection for the migration lock. It is kept between two tests.
///
/// The server releases the lock when the connection ends, and the connection is dropped if a test is cancelled during its migration.
#[derive(Debug, Default)]
pub(super) struct MigrationLock {
    idle: Mutex<Option<PgConnection>>,
}

impl MigrationLock {
    /// Runs a migration while no other schema of the server's database is migrated.
    pub(super) async fn migrate(
        &self,
        server: &Server<PostgresDriver>,
        migration: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        let mut connection = self.acquire(server).await?;
        let migrated = migration.await;
        // If the connection is lost, the server has released the lock.
        if PostgresDriver::unlock(&mut connection, Lock::Migrate(LEASES)).await.is_ok() {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
        migrated
    }

    /// Takes the lock, and returns the connection that holds it.
    async fn acquire(&self, server: &Server<PostgresDriver>) -> Result<PgConnection, Error> {
        let idle = self.take();
        if let Some(mut idle) = idle {
            // If the server was restarted in the meantime, the connection is lost, and a new one follows.
            if lock::<PostgresDriver>(&mut idle, Lock::Migrate(LEASES), MIGRATION_TIMEOUT).await.is_ok() {
                return Ok(idle);
            }
        }
        let mut connection = server.connect().await?;
        lock::<PostgresDriver>(&mut connection, Lock::Migrate(LEASES), MIGRATION_TIMEOUT).await?;
        Ok(connection)
    }

    /// Closes the idle connection.
    pub(super) async fn close(&self) {
        let idle = self.take();
        if let Some(connection) = idle {
            let _ = connection.close().await;
        }
    }

    fn take(&self) -> Option<PgConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
