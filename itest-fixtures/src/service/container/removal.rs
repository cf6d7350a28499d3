//! Removes a container by its name. The process that removes it need not be the one that started it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::query_parameters::RemoveContainerOptionsBuilder;

use itest_runtime::__private::variable;
use itest_runtime::{Error, Teardown};

use super::engine::{engine_at, engine_failed_to_remove};
use super::host::HOST;
use crate::itest::teardown;

/// The prefix of the names of itest's containers.
pub(super) const PREFIX: &str = "itest-";

/// How long an engine may continue to create a container after the process that requested it has died.
const CREATION_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a removal by another process may take.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(8);

/// The pause between two attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The ledger's entry of a container.
#[derive(Debug, Serialize, Deserialize)]
struct LedgerEntry {
    name: String,
    /// The `DOCKER_HOST` of the process that started it, because a later run may have another value.
    host: Option<String>,
}

/// Writes the removal of a container to the ledger, before the container is created.
pub(super) fn register(name: &str, teardown: &Teardown) -> Result<(), Error> {
    let entry = LedgerEntry { name: name.to_owned(), host: variable(HOST) };
    teardown.durable(remove_container, entry)
}

/// Removes a container.
#[teardown(crate = crate::itest)]
async fn remove_container(entry: LedgerEntry) -> Result<(), Error> {
    entry.remove().await
}

impl LedgerEntry {
    async fn remove(&self) -> Result<(), Error> {
        self.remove_container().await?;
        #[cfg(feature = "_exclusive")]
        crate::service::exclusive::remove_file_of(&self.name);
        Ok(())
    }

    async fn remove_container(&self) -> Result<(), Error> {
        if !self.name.starts_with(PREFIX) {
            return Err(Error::new(format!("{} is no container of a private server", self.name)));
        }
        let engine = engine_at(self.host.as_deref()).await.map_err(|error| self.failed(&error))?;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let since = Instant::now();
        loop {
            let removed = engine.remove_container(&self.name, Some(options.clone())).await;
            match removed {
                Ok(()) => return Ok(()),
                Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {
                    if since.elapsed() > CREATION_TIMEOUT {
                        return Ok(());
                    }
                }
                // Another process is removing the container.
                Err(EngineError::DockerResponseServerError { status_code: 409, .. })
                    if since.elapsed() < REMOVAL_TIMEOUT => {}
                Err(error) => return Err(self.failed(&error)),
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn failed(&self, error: &EngineError) -> Error {
        engine_failed_to_remove(&format!("the container {}", self.name), self.host.as_deref(), error)
    }
}
