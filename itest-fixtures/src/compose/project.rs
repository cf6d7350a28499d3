//! The project of a run: a session fixture.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::{FixtureDescriptor, Function, Parameter, SessionScope, ValueCodec};
use itest_runtime::{Error, Fixture, Teardown};

use super::definition::Stack;
use super::engine::{LogPart, ProjectInEngine};
use super::services::Services;
use super::startup::{Started, start};

/// The services of a compose file, for fixtures with the scope `worker` or `session`. A test gets them as a [`Compose`](super::Compose).
///
/// The addresses are those at the start of the run.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Project<S: Stack> {
    name: String,
    client: String,
    pub(super) services: Services,
    stack: PhantomData<fn() -> S>,
}

impl<S: Stack> Project<S> {
    /// The name of the project in the engine: `itest-compose-…`. `docker compose --project-name` accepts it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of a port of a service: `http://127.0.0.1:32768`. `port` is the one inside of the container.
    ///
    /// # Errors
    ///
    /// When there is no such service, it has ended, or it does not publish the port.
    #[track_caller]
    pub fn url(&self, service: &str, port: u16) -> Result<String, Error> {
        Ok(format!("http://{}", self.address(service, port)?))
    }

    /// The address of a port of a service: `127.0.0.1:32768`. `port` is the one inside of the container.
    ///
    /// # Errors
    ///
    /// When there is no such service, it has ended, or it does not publish the port.
    #[track_caller]
    pub fn address(&self, service: &str, port: u16) -> Result<SocketAddr, Error> {
        let caller = std::panic::Location::caller();
        self.services.address(service, port).map_err(|error| Error::at(error.to_string(), caller))
    }

    /// The log of a service since the start of the run.
    ///
    /// # Errors
    ///
    /// When there is no such service, or the engine does not answer.
    pub async fn logs(&self, service: &str) -> Result<String, Error> {
        let engine = ProjectInEngine::connect(&self.name).await?;
        let mut logs = Vec::new();
        for container in self.services.containers_of(service)? {
            logs.push(engine.log(&container.name, LogPart::All).await);
        }
        Ok(logs.join("\n"))
    }

    /// The same project with the services as they are now.
    pub(super) fn with_services(&self, services: Services) -> Self {
        Self { name: self.name.clone(), client: self.client.clone(), services, stack: PhantomData }
    }

    fn in_words(&self) -> String {
        let Self { name, client, services, .. } = self;
        let (file, names) = (&services.file, services.names().join(", "));
        format!("{file}, the Compose project {name} (started by {client}): {names}")
    }
}

impl<S: Stack> fmt::Debug for Project<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Project")
            .field("name", &self.name)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl<S: Stack> Fixture for Project<S> {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                const { &[Parameter::shared::<Teardown, SessionScope>()] },
                Function::Async(|inputs| {
                    Box::pin(async move {
                        let [teardown] = inputs.slots();
                        let Started { project, services, client } = start::<S>(teardown.shared()).await?;
                        Ok(Box::new(Self { name: project, client, services, stack: PhantomData }) as Box<dyn Any>)
                    })
                }),
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.in_words()))
        }
    }
}
