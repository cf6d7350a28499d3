//! The Redis of a worker: its private server, or its leases on a shared server.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;

use itest_runtime::{Error, Teardown, TestInfo};

use super::address::ServerUrl;
use super::leases::{Leases, flush_leased_redis_databases};
use super::private::PrivateRedis;
use super::server::RedisService;
use crate::itest::fixture;
use crate::service::{ServerSource, WorkerSlot};

/// The Redis of a worker.
#[derive(Clone)]
pub(crate) enum RedisOfWorker {
    /// A private server.
    Private(WorkerSlot<PrivateRedis>),
    /// Leases on a server that all workers share.
    Shared(LeasesOfWorker),
}

/// The leases of a worker, until it ends.
type LeasesOfWorker = Arc<Mutex<Option<Leases>>>;

impl fmt::Debug for RedisOfWorker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Private(_) => "Private",
            Self::Shared(_) => "Shared",
        })
    }
}

impl RedisOfWorker {
    /// Gives a test a clean server or a clean database until its teardown, and returns the URL.
    ///
    /// # Errors
    ///
    /// When no server can be started, or no database is free.
    pub(super) async fn lease(&self, info: &TestInfo, teardown: &Teardown) -> Result<ServerUrl, Error> {
        match self {
            Self::Private(slot) => slot.lease(info, teardown).await,
            Self::Shared(leases) => lease_database(leases, info, teardown).await,
        }
    }
}

/// Leases a database of a shared server to a test.
async fn lease_database(leases: &LeasesOfWorker, info: &TestInfo, teardown: &Teardown) -> Result<ServerUrl, Error> {
    let lease = match leases.lock().await.as_mut() {
        Some(leases) => leases.take().await?,
        None => return Err(Error::new("the worker has closed its connection to the Redis server")),
    };
    let url = lease.url.clone();
    let (leases, info) = (Arc::clone(leases), info.clone());
    teardown.defer("flush the leased Redis database", async move {
        if let Some(leases) = leases.lock().await.as_mut() {
            leases.give_back(lease).await.unwrap_or_else(|error| info.fail(error));
        }
    });
    Ok(url)
}

/// The Redis of a worker. A private server ends with the worker.
#[fixture(scope = "worker", crate = crate::itest)]
async fn redis_of_worker(source: &ServerSource<RedisService>, teardown: &Teardown) -> Result<RedisOfWorker, Error> {
    match source {
        ServerSource::Shared(server) => {
            let leases = Leases::open(&server.address).await?;
            teardown.durable(flush_leased_redis_databases, leases.leftovers())?;
            let leases = Arc::new(Mutex::new(Some(leases)));
            let closed = Arc::clone(&leases);
            // This step runs before the flush of the databases, which waits until the connection of the owner is closed.
            teardown.defer("disconnect from the Redis server", async move { drop(closed.lock().await.take()) });
            Ok(RedisOfWorker::Shared(leases))
        }
        ServerSource::Programs { programs, .. } => {
            WorkerSlot::start(programs, teardown).await.map(RedisOfWorker::Private)
        }
    }
}
