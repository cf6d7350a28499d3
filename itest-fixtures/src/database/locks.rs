//! Locks on a server, with which processes of all machines coordinate.

use std::time::{Duration, Instant};

use itest_runtime::Error;

use super::connect::{Connect, Connection};

/// The first and the longest pause between two attempts to take a lock. The pause doubles after each attempt.
const POLL_INTERVAL: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(50)];

/// A lock on a server. The server releases it when the connection that holds it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock<'a> {
    /// Held by an owner of leases while it is alive.
    Owner(u32),
    /// Held by the process that runs migrations in this database.
    Migrate(&'a str),
    /// Held by each process that uses this template, as a shared lock if the server has shared locks.
    Use(&'a str),
}

/// A server that has locks.
pub(crate) trait Locks: Connect {
    /// Takes a lock, if it is free.
    fn try_lock(connection: &mut Connection<Self>, lock: Lock<'_>) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Releases a lock.
    fn unlock(connection: &mut Connection<Self>, lock: Lock<'_>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes the shared lock of a template, if the server has shared locks.
    fn share_template(_: &mut Connection<Self>, _template: &str) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }
}

/// Takes a lock as soon as it is free.
///
/// The function polls the lock. A statement that waits for the lock would hold a snapshot of the database until it ends, and concurrent
/// operations of other sessions (`CREATE INDEX CONCURRENTLY` of PostgreSQL) would wait for that snapshot.
///
/// # Errors
///
/// When the lock is not free within the timeout.
pub(crate) async fn lock<D: Locks>(
    connection: &mut Connection<D>,
    lock: Lock<'_>,
    timeout: Duration,
) -> Result<(), Error> {
    let began = Instant::now();
    let [mut pause, longest] = POLL_INTERVAL;
    while !D::try_lock(connection, lock).await? {
        if began.elapsed() > timeout {
            return Err(Error::new(match lock {
                Lock::Owner(owner) => format!("the owner {owner} of databases still holds its lock after {timeout:?}"),
                Lock::Migrate(name) => format!("another process has been running migrations in {name} for {timeout:?}"),
                Lock::Use(name) => format!("other processes have been using the template {name} for {timeout:?}"),
            }));
        }
        tokio::time::sleep(pause).await;
        pause = longest.min(pause * 2);
    }
    Ok(())
}
