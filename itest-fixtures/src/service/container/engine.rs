//! The engine that runs containers: Docker, or another one with the same protocol.

use std::io;
#[cfg(feature = "compose")]
use std::net::IpAddr;
use std::time::Duration;

use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::{API_DEFAULT_VERSION, Docker};
use testcontainers::core::client::{ClientError, docker_client_instance};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::host::{EngineHost, HOST, LOCALHOST, STANDARD_HOST};
use super::own_container::bridge_of_own_container;
use crate::failure::{failed_to, with_action};
use crate::service::offer::Offer;

/// How long an engine may take to answer a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an engine may take to answer another request.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// An engine that answers.
#[derive(Debug)]
pub(crate) struct Engine {
    docker: Docker,
}

impl Engine {
    /// Finds the engine that `DOCKER_HOST` names, or the one at the standard address. If this user cannot use the engine, the offer contains the
    /// remedy.
    pub(crate) async fn find() -> Result<Offer<Self>, Error> {
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
                "let this user use Docker ({place} refuses the connection: add the user to its group, usually `docker`, or run a rootless engine)"
            ))),
            Some(_) => Ok(Offer::Unavailable(format!("start Docker or Podman ({place} does not answer)"))),
            None => Err(failed_to(&format!("talk to the container engine at {place}"), &error)),
        }
    }

    /// Where the engine runs.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    pub(crate) async fn engine_host(&self) -> Result<EngineHost, Error> {
        let host = variable(HOST).unwrap_or_else(|| STANDARD_HOST.to_owned());
        if !host.starts_with("unix://") {
            return Ok(if is_this_machine(&host) { EngineHost::Local } else { EngineHost::Remote });
        }
        let bridge = bridge_of_own_container(&self.docker).await?;
        Ok(bridge.map_or(EngineHost::Local, EngineHost::OutsideOfOwnContainer))
    }

    /// The address of an engine on another machine.
    ///
    /// # Errors
    ///
    /// When the name of the machine cannot be resolved.
    #[cfg(feature = "compose")]
    pub(crate) async fn remote_address(&self) -> Result<IpAddr, Error> {
        let host = variable(HOST).unwrap_or_default();
        let place = host.split_once("://").map_or(host.as_str(), |(_, place)| place);
        let place = place.trim_end_matches('/');
        let action = format!("resolve the host in {HOST}={host}");
        let addresses = tokio::net::lookup_host(place).await.map_err(|error| failed_to(&action, &error))?;
        let mut addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
        // The ports of containers are always open on IPv4.
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.first().copied().ok_or_else(|| with_action(&action, "it has no address"))
    }

    /// The engine's client.
    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }
}

/// Connects to the engine at an address that `DOCKER_HOST` had when the process with the entry in the ledger ran; `None` is the standard address.
///
/// # Errors
///
/// When the address is not one of an engine.
pub(crate) async fn engine_at(host: Option<&str>) -> Result<Docker, EngineError> {
    if host == variable(HOST).as_deref()
        && let Ok(docker) = docker_client_instance().await
    {
        return Ok(docker);
    }
    let host = host.unwrap_or(STANDARD_HOST);
    if host.starts_with("unix://") {
        Docker::connect_with_unix(host, REQUEST_TIMEOUT.as_secs(), API_DEFAULT_VERSION)
    } else {
        Docker::connect_with_http(host, REQUEST_TIMEOUT.as_secs(), API_DEFAULT_VERSION)
    }
}

/// The error of an action that the engine did not do. `host` is the engine's `DOCKER_HOST`.
pub(crate) fn engine_failed_to(action: &str, host: Option<&str>, error: &EngineError) -> Error {
    let Some(kind) = io_kind(error) else { return failed_to(action, error) };
    let place = host.unwrap_or(STANDARD_HOST);
    with_action(action, &format!("the container engine at {place} does not answer ({kind})"))
}

/// The error of a removal. It stays in the ledger, so that a later run tries again.
pub(crate) fn engine_failed_to_remove(resource: &str, host: Option<&str>, error: &EngineError) -> Error {
    let failed = engine_failed_to(&format!("remove {resource}"), host, error);
    let later = "when the engine answers again, the next run removes it, or `--sweep`";
    if io_kind(error).is_some() { Error::new(format!("{failed}; {later}")) } else { failed }
}

/// Whether an address such as `tcp://127.0.0.1:2375` is on this machine.
fn is_this_machine(host: &str) -> bool {
    let place = host.split_once("://").map_or(host, |(_, place)| place);
    [LOCALHOST, "localhost"].contains(&place.split(':').next().unwrap_or_default())
}

fn wrong_host(error: &ClientError) -> Error {
    let example = "write it as unix:///var/run/docker.sock or tcp://host:2375";
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
