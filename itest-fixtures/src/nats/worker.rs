//! The NATS server of a worker: its private server, or a server that all workers share.

use std::fmt;

use itest_runtime::{Error, Teardown, TestInfo};

use super::account::delete_streams;
use super::client::Client;
use super::configuration::TEST_USER;
use super::private::{LeasedServer, PrivateNats};
use super::service::NatsService;
use crate::itest::{fixture, teardown};
use crate::service::{Address, ExclusiveUse, ServerAddress, ServerSource, SharedServer, WorkerSlot};

/// The NATS server of a worker.
#[derive(Clone)]
pub(crate) enum NatsOfWorker {
    /// A private server.
    Private(WorkerSlot<PrivateNats>),
    /// A server that one test at a time uses.
    Shared(SharedServer),
}

impl fmt::Debug for NatsOfWorker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Private(_) => "Private",
            Self::Shared(_) => "Shared",
        })
    }
}

impl NatsOfWorker {
    /// Gives a test a clean server until its teardown.
    ///
    /// # Errors
    ///
    /// When no server can be started or reached.
    pub(super) async fn lease(&self, info: &TestInfo, teardown: &Teardown) -> Result<LeasedServer, Error> {
        match self {
            Self::Private(slot) => slot.lease(info, teardown).await,
            Self::Shared(server) => Ok(LeasedServer { address: lease_shared(server, teardown).await?, program: None }),
        }
    }
}

/// What a test may leave on a shared server, in the file of the lock.
const STREAMS: &str = "streams";

/// Gives a test the exclusive use of a shared server, and deletes all streams afterwards. If the process dies, recovery or the next test deletes them.
async fn lease_shared(server: &SharedServer, teardown: &Teardown) -> Result<ServerAddress, Error> {
    let address = ServerAddress::of::<NatsService>(&server.address, TEST_USER)?;
    teardown.durable(clean_shared_nats_server, server.address.clone())?;
    let exclusive = ExclusiveUse::of_server(&server.address.name_for_lock(address.place())).await?;
    if exclusive.leftovers().is_empty() {
        exclusive.note(STREAMS)?;
    } else {
        clean(&address).await?;
    }
    let leased = address.clone();
    teardown.defer("clean the NATS server", async move {
        clean(&leased).await?;
        exclusive.server_is_clean()
    });
    Ok(address)
}

/// Cleans a shared server after the death of the process that used it.
#[teardown(crate = crate::itest)]
async fn clean_shared_nats_server(server: Address) -> Result<(), Error> {
    let address = ServerAddress::of::<NatsService>(&server, TEST_USER)?;
    let Some(exclusive) = ExclusiveUse::of_uncleaned_server(&server.name_for_lock(address.place()))? else {
        return Ok(());
    };
    clean(&address).await?;
    exclusive.server_is_clean()
}

/// Deletes all streams.
async fn clean(address: &ServerAddress) -> Result<(), Error> {
    let mut client = Client::connect(address.resolve().await?, address.login.as_ref()).await?;
    delete_streams(&mut client).await
}

/// The NATS server of a worker. A private server ends with the worker.
#[fixture(scope = "worker", crate = crate::itest)]
async fn nats_of_worker(source: &ServerSource<NatsService>, teardown: &Teardown) -> Result<NatsOfWorker, Error> {
    match source {
        ServerSource::Shared(server) => Ok(NatsOfWorker::Shared(server.clone())),
        ServerSource::Programs { programs, .. } => {
            WorkerSlot::start(programs, teardown).await.map(NatsOfWorker::Private)
        }
    }
}
