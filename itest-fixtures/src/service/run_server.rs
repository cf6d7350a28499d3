//! A server that is started once for the run, or kept by an earlier run, for services that start too slowly for a server in each worker.

use std::any::Any;
use std::fmt;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::{FixtureDescriptor, Function, Parameter, SessionScope, ValueCodec};
use itest_runtime::{Error, Fixture, Teardown};

use super::address::Address;
use super::definition::Service;
use super::kept;
use super::provider::{Provided, provide};
use super::running_server::{FilesOfRestart, RunningServer};
use super::shared_server::SharedServer;

/// The server of a run, which all workers share.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct RunServer<S: Service<Server = SharedServer>> {
    server: SharedServer,
    service: std::marker::PhantomData<fn() -> S>,
}

impl<S: Service<Server = SharedServer>> RunServer<S> {
    pub(crate) fn address(&self) -> &Address {
        &self.server.address
    }
}

impl<S: Service<Server = SharedServer>> fmt::Debug for RunServer<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RunServer({})", self.server)
    }
}

/// Finds a server, or starts one that ends with the run. A server that ends earlier is replaced by a new one.
async fn start<S: Service<Server = SharedServer>>(teardown: &Teardown) -> Result<SharedServer, Error> {
    let (programs, not_used) = match provide::<S>(teardown).await? {
        Provided::Server(server) => return Ok(server),
        Provided::Programs { programs, not_used } => (programs, not_used),
    };
    let address = RunServer::<S>::address;
    if let Some(server) = kept::lease::<S, _>(&programs, address, not_used.as_deref(), teardown).await? {
        return Ok(server);
    }
    let server = RunningServer::<S>::start(&programs, teardown).await?;
    S::open(server.restart_whenever_it_ends(FilesOfRestart::New, teardown)?, "", not_used).await
}

#[diagnostic::do_not_recommend]
impl<S: Service<Server = SharedServer>> Fixture for RunServer<S> {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                const { &[Parameter::shared::<Teardown, SessionScope>()] },
                Function::Async(|inputs| {
                    Box::pin(async move {
                        let [teardown] = inputs.slots();
                        let server = start::<S>(teardown.shared()).await?;
                        Ok(Box::new(Self { server, service: std::marker::PhantomData }) as Box<dyn Any>)
                    })
                }),
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.server.to_string()))
        }
    }
}
