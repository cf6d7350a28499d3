//! The end of a container: removed by its name, by whoever is left to do it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::query_parameters::RemoveContainerOptionsBuilder;
use testcontainers::bollard::{API_DEFAULT_VERSION, Docker};
use testcontainers::core::client::docker_client_instance;

use itest_runtime::__private::{FunctionKind, TeardownEntry, call_with, inventory, variable};
use itest_runtime::{Durable, Error, Teardown};

use super::engine::{HOST, STANDARD_HOST};
use crate::database::failed_to;

/// What the names of our containers begin with.
pub(super) const PREFIX: &str = "itest-";

/// How long an engine may go on making a container after whoever asked for it has died.
const STRAGGLE: Duration = Duration::from_secs(1);

/// How long a removal may take that the engine has begun.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(100);

const REMOVE: TeardownEntry = TeardownEntry {
    name: "itest::remove_container",
    location: "itest",
    kind: FunctionKind::Async,
    run: |arguments| {
        call_with(arguments, |noted: Noted| {
            Box::pin(async move { noted.remove().await.map_err(|error| error.to_problem()) })
        })
    },
};

inventory::submit! { REMOVE }

/// What the ledger knows of a container.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    name: String,
    /// `DOCKER_HOST` of whoever asked for it: the next run may have another one.
    host: Option<String>,
}

/// Sees to it that a container of this name is removed, before there is one.
pub(super) fn register(name: &str, teardown: &Teardown) -> Result<(), Error> {
    let noted = Noted { name: name.to_owned(), host: variable(HOST) };
    teardown.durable(|noted| Durable::new(noted, &REMOVE), noted)
}

impl Noted {
    async fn remove(&self) -> Result<(), Error> {
        if !self.name.starts_with(PREFIX) {
            return Err(Error::new(format!("{} is no container of a private server", self.name)));
        }
        let engine = self.engine().await?;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let since = Instant::now();
        loop {
            let removed = engine.remove_container(&self.name, Some(options.clone())).await;
            match removed {
                Ok(()) => return Ok(()),
                Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {
                    if since.elapsed() > STRAGGLE {
                        return Ok(());
                    }
                }
                // Somebody else is at it.
                Err(EngineError::DockerResponseServerError { status_code: 409, .. }) if since.elapsed() < PATIENCE => {}
                Err(error) => return Err(failed_to(&format!("remove the container {}", self.name), &error)),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The engine that has it.
    async fn engine(&self) -> Result<Docker, Error> {
        const SECONDS: u64 = 60;
        let cannot = |error: &(dyn std::error::Error + 'static)| {
            failed_to(&format!("remove the container {}", self.name), error)
        };
        if self.host == variable(HOST) {
            return docker_client_instance().await.map_err(|error| cannot(&error));
        }
        let host = self.host.as_deref().unwrap_or(STANDARD_HOST);
        let engine = if host.starts_with("unix://") {
            Docker::connect_with_unix(host, SECONDS, API_DEFAULT_VERSION)
        } else {
            Docker::connect_with_http(host, SECONDS, API_DEFAULT_VERSION)
        };
        engine.map_err(|error| cannot(&error))
    }
}
