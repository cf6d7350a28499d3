//! The broker of a worker: its private server, or a server that all workers share.

use std::fmt;
use std::sync::Arc;

use itest_runtime::{Error, Teardown, TestInfo};

use super::client::Client;
use super::private::{LeasedServer, PrivateMqtt};
use super::programs::TEST_USER;
use super::service::MqttService;
use super::traces::{Changes, Traces};
use crate::failure::with_action;
use crate::itest::{fixture, teardown};
use crate::service::{Address, ExclusiveUse, ServerAddress, ServerSource, SharedServer, WorkerSlot};

/// The broker of a worker.
#[derive(Clone)]
pub(crate) enum MqttOfWorker {
    /// A private server.
    Private(WorkerSlot<PrivateMqtt>),
    /// A server that one test at a time uses.
    Shared(SharedServer),
}

impl fmt::Debug for MqttOfWorker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Private(_) => "Private",
            Self::Shared(_) => "Shared",
        })
    }
}

impl MqttOfWorker {
    /// Gives a test a clean server until its teardown.
    ///
    /// # Errors
    ///
    /// When no server can be started or reached.
    pub(super) async fn lease(&self, info: &TestInfo, teardown: &Teardown) -> Result<LeasedServer, Error> {
        match self {
            Self::Private(slot) => slot.lease(info, teardown).await,
            Self::Shared(server) => lease_shared(server, teardown).await,
        }
    }
}

/// Gives a test the exclusive use of a shared server, and removes what its clients have left there. If the process dies, recovery or the next test
/// removes it.
async fn lease_shared(server: &SharedServer, teardown: &Teardown) -> Result<LeasedServer, Error> {
    let address = ServerAddress::of::<MqttService>(&server.address, TEST_USER)?;
    teardown.durable(clean_shared_mqtt_broker, server.address.clone())?;
    let exclusive = Arc::new(ExclusiveUse::of_server(&server.address.name_for_lock(address.place())).await?);
    let traces = Arc::new(Traces::on_shared_server(Arc::clone(&exclusive)));
    clean(&address, &traces.changes()).await?;
    let leased = LeasedServer { address: address.clone(), traces: Arc::clone(&traces) };
    teardown.defer("clean the MQTT broker", async move {
        clean(&address, &traces.changes()).await?;
        exclusive.server_is_clean()?;
        // If itest does not know all changes, the next test may see some of them, so this step fails.
        traces.doubt().map_or(Ok(()), |doubt| Err(with_action("clean the MQTT broker", doubt)))
    });
    Ok(leased)
}

/// Cleans a shared server after the death of the process that used it.
#[teardown(crate = crate::itest)]
async fn clean_shared_mqtt_broker(server: Address) -> Result<(), Error> {
    let address = ServerAddress::of::<MqttService>(&server, TEST_USER)?;
    let Some(exclusive) = ExclusiveUse::of_uncleaned_server(&server.name_for_lock(address.place()))? else {
        return Ok(());
    };
    let exclusive = Arc::new(exclusive);
    clean(&address, &Traces::on_shared_server(Arc::clone(&exclusive)).changes()).await?;
    exclusive.server_is_clean()
}

/// Ends the sessions of a test's clients, and removes the messages that they have retained.
async fn clean(address: &ServerAddress, changes: &Changes) -> Result<(), Error> {
    let (socket, login) = (address.resolve().await?, address.login.as_ref());
    let Changes { sessions, retained } = changes;
    for client_id in sessions {
        // The broker ends the session, because itest connects with the same client id and requests a new session.
        Client::connect_as(client_id, socket, login).await?.ping().await?;
    }
    if !retained.is_empty() {
        let mut client = Client::connect(socket, login).await?;
        for topic in retained {
            client.remove_retained(topic).await?;
        }
    }
    Ok(())
}

/// The broker of a worker. A private server ends with the worker.
#[fixture(scope = "worker", crate = crate::itest)]
async fn mqtt_of_worker(source: &ServerSource<MqttService>, teardown: &Teardown) -> Result<MqttOfWorker, Error> {
    match source {
        ServerSource::Shared(server) => Ok(MqttOfWorker::Shared(server.clone())),
        ServerSource::Programs { programs, .. } => {
            WorkerSlot::start(programs, teardown).await.map(MqttOfWorker::Private)
        }
    }
}
