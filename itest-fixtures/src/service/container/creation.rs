//! Creates and starts the container of a service.

use testcontainers::core::error::TestcontainersError;
use testcontainers::runners::AsyncRunner;

use itest_runtime::{Error, Teardown};

use super::engine::Engine;
use super::host::{EngineHost, LOCALHOST};
use super::removal;
use super::spec::Spec;
use crate::failure::failed_to;

/// A container that was started; its server may not answer yet.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) name: String,
    pub(super) host: String,
}

impl Engine {
    /// Starts a container. Its removal is recorded in the ledger before the engine creates it.
    ///
    /// # Errors
    ///
    /// When the image cannot be pulled, or the engine cannot start the container.
    pub(super) async fn start(&self, spec: &Spec, teardown: &Teardown) -> Result<Started, Error> {
        let name = spec.name();
        let engine_host = self.engine_host().await?;
        let remedy = format!("set {} to use another image", spec.image_variable);
        self.pull_if_missing(&spec.image, &remedy).await?;
        removal::register(&name, teardown)?;
        let started = spec.request(&name, &engine_host).start().await;
        let started = started.map_err(|error| cannot_start(spec, &error))?;
        let host = match engine_host {
            EngineHost::Local => Ok(LOCALHOST.to_owned()),
            EngineHost::OutsideOfOwnContainer(bridge) => Ok(bridge.gateway),
            EngineHost::Remote => started.get_host().await.map(|host| host.to_string()),
        };
        // The destructor would remove the container, but the ledger is responsible for that.
        std::mem::forget(started);
        let host = host.map_err(|error| cannot_start(spec, &error))?;
        Ok(Started { name, host })
    }
}

fn cannot_start(spec: &Spec, error: &TestcontainersError) -> Error {
    failed_to(&format!("start a container of {}", spec.image), error)
}
