//! Schemas of one database are migrated one at a time, by whatever worker of whatever process on whatever machine.
//!
//! `CREATE INDEX CONCURRENTLY` waits until no other session of the database has an older snapshot, and so does every other concurrent
//! operation. A session that waits for sqlx's migration lock does so in a statement, which holds its snapshot until it ends: the two
//! sessions would wait for each other. Therefore a session of itest's own takes a lock before a schema is migrated, and polls for it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use itest_runtime::Error;

use super::connection::PostgresDriver;
use crate::database::locks::lock;
use crate::database::{LEASES, Lock, Locks as _, Server};

/// How long the schemas of other tests may take to be migrated. The limit of a test's setup is mostly shorter.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(10);

/// A worker's connection for the migration lock, which is kept between two tests.
///
/// The lock ends with the connection, which is dropped when a test is cut off while it migrates its schema.
#[derive(Debug, Default)]
pub(super) struct Turns {
    idle: Mutex<Option<PgConnection>>,
}

impl Turns {
    /// Migrates when no other schema of the server's database is being migrated.
    pub(super) async fn migrate(
        &self,
        server: &Server<PostgresDriver>,
        migration: impl Future<Output = Result<(), Error>>,
    ) -> Result<(), Error> {
        let mut connection = self.locked(server).await?;
        let migrated = migration.await;
        // A connection that is lost has lost the lock with it.
        if PostgresDriver::unlock(&mut connection, Lock::Migrate(LEASES)).await.is_ok() {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        }
        migrated
    }

    /// A connection that has the lock.
    async fn locked(&self, server: &Server<PostgresDriver>) -> Result<PgConnection, Error> {
        let kept = self.take();
        if let Some(mut kept) = kept {
            // A server that was restarted meanwhile has lost it.
            if lock::<PostgresDriver>(&mut kept, Lock::Migrate(LEASES), MIGRATION_TIMEOUT).await.is_ok() {
                return Ok(kept);
            }
        }
        let mut connection = server.connect().await?;
        lock::<PostgresDriver>(&mut connection, Lock::Migrate(LEASES), MIGRATION_TIMEOUT).await?;
        Ok(connection)
    }

    /// Closes the connection that is kept.
    pub(super) async fn close(&self) {
        let kept = self.take();
        if let Some(connection) = kept {
            let _ = connection.close().await;
        }
    }

    fn take(&self) -> Option<PgConnection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
