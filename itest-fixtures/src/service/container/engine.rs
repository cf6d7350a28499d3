//! The engine that runs containers: Docker, or another one with the same protocol.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::core::client::{ClientError, docker_client_instance};
use testcontainers::core::error::TestcontainersError;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerRequest, GenericImage};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Teardown};

use super::host::{HOST, STANDARD_HOST};
use super::removal;
use super::spec::{EngineHost, Spec};
use crate::failure::failed_to;
use crate::service::offer::Offer;

/// How long an engine may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A container that was started; its server may not answer yet.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) name: String,
    pub(super) host: String,
}

/// An engine that answers.
#[derive(Debug)]
pub(in crate::service) struct Engine {
    docker: Docker,
}

impl Engine {
    /// Finds the engine that `DOCKER_HOST` names, or the one at the standard address. If this user can use none, it returns the remedy.
    pub(in crate::service) async fn find() -> Result<Offer<Self>, Error> {
        let docker = match docker_client_instance().await {
            Ok(docker) => docker,
            Err(ClientError::Init(EngineError::SocketNotFoundError(path))) => {
                return Ok(Offer::Unavailable(format!("start Docker or Podman (there is no {path})")));
            }
            Err(error) => return Err(wrong_host(&error)),
        };
        let place = variable(HOST).unwrap_or_else(|| STANDARD_HOST.to_owned());
        let Ok(answer) = tokio::time::timeout(PING_TIMEOUT, docker.ping()).await else {
            return Ok(Offer::Unavailable(format!(
                "check Docker or Podman ({place} does not answer within {PING_TIMEOUT:?})"
            )));
        };
        let Err(error) = answer else { return Ok(Offer::Available(Self { docker })) };
        match io_kind(&error) {
            Some(io::ErrorKind::PermissionDenied) => Ok(Offer::Unavailable(format!(
                "let this user use Docker ({place} refuses them: add them to its group, usually `docker`, or run a rootless engine)"
            ))),
            Some(_) => Ok(Offer::Unavailable(format!("start Docker or Podman ({place} does not answer)"))),
            None => Err(failed_to(&format!("talk to the container engine at {place}"), &error)),
        }
    }

    /// Starts a container. Its removal is recorded in the ledger before the engine creates it.
    ///
    /// # Errors
    ///
    /// When the image cannot be pulled, or the engine cannot start the container.
    pub(super) async fn start(&self, spec: &Spec, teardown: &Teardown) -> Result<Started, Error> {
        let name = spec.name();
        let request = self.with_image(spec, spec.request(&name, engine_host())).await?;
        removal::register(&name, teardown)?;
        let started = request.start().await;
        let started = started.map_err(|error| cannot_start(spec, &error))?;
        let host = started.get_host().await;
        // The destructor would remove the container, but the ledger is responsible for that.
        std::mem::forget(started);
        let host = host.map_err(|error| cannot_start(spec, &error))?.to_string();
        // The name may resolve to an address of IPv6, where the engine does not listen.
        let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
        Ok(Started { name, host })
    }

    /// The engine's client.
    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// Pulls the image of a request if the engine does not have it.
    async fn with_image(
        &self,
        spec: &Spec,
        request: ContainerRequest<GenericImage>,
    ) -> Result<ContainerRequest<GenericImage>, Error> {
        let image = &spec.image;
        match self.docker.inspect_image(image).await {
            Ok(_) => return Ok(request),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => return Err(failed_to(&format!("look for the image {image}"), &error)),
        }
        let remedy = format!("`docker pull {image}` beforehand, or a longer --setup-timeout, if that takes too long");
        let _ = writeln!(io::stderr(), "pulling {image}, which is not there yet ({remedy})");
        request.pull_image().await.map_err(|error| {
            let reason = match error {
                TestcontainersError::Client(ClientError::PullImage { err, .. }) => err.to_string(),
                error => error.to_string(),
            };
            let remedy =
                format!("is its name right ({} says another one), and the registry within reach?", spec.image_variable);
            Error::new(format!("the image {image} cannot be pulled: {reason}; {remedy}"))
        })
    }
}

fn engine_host() -> EngineHost {
    let is_socket = variable(HOST).is_none_or(|host| host.starts_with("unix://"));
    if is_socket && !Path::new("/.dockerenv").exists() { EngineHost::Local } else { EngineHost::Remote }
}

fn cannot_start(spec: &Spec, error: &TestcontainersError) -> Error {
    failed_to(&format!("start a container of {}", spec.image), error)
}

fn wrong_host(error: &ClientError) -> Error {
    let example = "it looks like unix:///var/run/docker.sock or tcp://host:2375";
    Error::new(format!("{HOST} is no address of a container engine: {error}; {example}"))
}

/// The system's reason why there is no connection.
fn io_kind(error: &EngineError) -> Option<io::ErrorKind> {
    let EngineError::HyperLegacyError { err } = error else { return None };
    let mut cause: Option<&dyn std::error::Error> = Some(err);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}
