//! The engine that containers run on: Docker's, or what speaks its protocol.

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

use super::running::{Container, wait};
use super::{Recipe, removal};
use crate::database::failed_to;

/// The variable that says where the engine is.
pub(super) const HOST: &str = "DOCKER_HOST";

/// Where it is if nobody says anything.
pub(super) const STANDARD_HOST: &str = "unix:///var/run/docker.sock";

/// How long an engine may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// An engine that answers.
#[derive(Debug)]
pub(crate) struct Engine {
    docker: Docker,
}

impl Engine {
    /// The one that `DOCKER_HOST` names, or one where engines usually are; or what to do where there is none that could be used.
    pub(crate) async fn find() -> Result<Result<Self, String>, Error> {
        let docker = match docker_client_instance().await {
            Ok(docker) => docker,
            Err(ClientError::Init(EngineError::SocketNotFoundError(path))) => {
                return Ok(Err(format!("start Docker or Podman (there is no {path})")));
            }
            Err(error) => return Err(wrong_host(&error)),
        };
        let place = variable(HOST).unwrap_or_else(|| STANDARD_HOST.to_owned());
        let Ok(answer) = tokio::time::timeout(PATIENCE, docker.ping()).await else {
            return Ok(Err(format!("see to Docker or Podman ({place} does not answer within {PATIENCE:?})")));
        };
        let Err(error) = answer else { return Ok(Ok(Self { docker })) };
        match io_kind(&error) {
            Some(io::ErrorKind::PermissionDenied) => Ok(Err(format!(
                "let this user use Docker ({place} refuses them: add them to its group, usually `docker`, or run a rootless engine)"
            ))),
            Some(_) => Ok(Err(format!("start Docker or Podman ({place} does not answer)"))),
            None => Err(failed_to(&format!("talk to the container engine at {place}"), &error)),
        }
    }

    /// Starts a container, whose removal is registered before it is made, and waits until its server answers.
    pub(crate) async fn start(
        self,
        recipe: &Recipe,
        teardown: &Teardown,
        answers: impl AsyncFn(&Container) -> Result<(), Error>,
    ) -> Result<Container, Error> {
        let name = recipe.name();
        let request = self.pulled(recipe, recipe.request(&name, is_near())).await?;
        removal::register(&name, teardown)?;
        let started = request.start().await;
        let started = started.map_err(|error| cannot_start(recipe, &error))?;
        let host = started.get_host().await;
        // Dropping it would remove it: that is the ledger's.
        std::mem::forget(started);
        let host = host.map_err(|error| cannot_start(recipe, &error))?.to_string();
        // By its name it might be the other family of addresses, where nobody listens.
        let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
        wait(&self.docker, recipe, name, host, answers).await
    }

    /// The request, when its image is there.
    async fn pulled(
        &self,
        recipe: &Recipe,
        request: ContainerRequest<GenericImage>,
    ) -> Result<ContainerRequest<GenericImage>, Error> {
        let image = &recipe.image;
        match self.docker.inspect_image(image).await {
            Ok(_) => return Ok(request),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => return Err(failed_to(&format!("look for the image {image}"), &error)),
        }
        let told = format!("`docker pull {image}` beforehand, or a longer --setup-timeout, if that takes too long");
        let _ = writeln!(io::stderr(), "pulling {image}, which is not there yet ({told})");
        request.pull_image().await.map_err(|error| {
            let said = match error {
                TestcontainersError::Client(ClientError::PullImage { err, .. }) => err.to_string(),
                error => error.to_string(),
            };
            let told =
                format!("is its name right ({} says another one), and the registry within reach?", recipe.variable);
            Error::new(format!("the image {image} cannot be pulled: {said}; {told}"))
        })
    }
}

/// Whether the engine's 127.0.0.1 is ours, too. Who is in a container and talks to the engine around it has another one.
fn is_near() -> bool {
    let is_socket = variable(HOST).is_none_or(|host| host.starts_with("unix://"));
    is_socket && !Path::new("/.dockerenv").exists()
}

fn cannot_start(recipe: &Recipe, error: &TestcontainersError) -> Error {
    failed_to(&format!("start a container of {}", recipe.image), error)
}

fn wrong_host(error: &ClientError) -> Error {
    let told = "it looks like unix:///var/run/docker.sock or tcp://host:2375";
    Error::new(format!("{HOST} is no address of a container engine: {error}; {told}"))
}

/// The system's own reason for a connection that there is not.
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
