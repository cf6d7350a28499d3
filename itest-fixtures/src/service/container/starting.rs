//! Starts the container of a service, and waits until its server answers.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{ContainerInspectResponse, PortBinding};
use testcontainers::bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};

use itest_runtime::{Error, Teardown};

use super::creation::Started;
use super::engine::Engine;
use super::running::Container;
use super::spec::Spec;
use crate::failure::failed_to;
use crate::service::address::Address;
use crate::service::definition::Service;
use crate::service::probe::probe_once;
use crate::service::refused_login::RefusedLogin;

/// How long a server may take from the start of its container until it answers. The server first creates its files.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(45);

/// How long the engine may take to send the next line of a log.
const LOG_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The number of log lines that an error quotes.
const LOG_LINES: &str = "20";

/// Starts the server of a service in a container, and waits until it answers.
///
/// # Errors
///
/// When the engine cannot start the container, or its server does not answer. The error contains the end of its log.
pub(in crate::service) async fn start<S: Service>(
    engine: Engine,
    spec: Spec,
    teardown: &Teardown,
) -> Result<Address, Error> {
    let Started { name, host } = engine.start(&spec, teardown).await?;
    let mut container = Container {
        name,
        image: spec.image,
        host,
        port: 0,
        #[cfg(feature = "_api-server")]
        api_port: None,
        password: spec.password,
    };
    let image = container.image.clone();
    let docker = engine.docker();
    let (began, limit) = (Instant::now(), S::STARTUP_TIMEOUT.unwrap_or(STARTUP_TIMEOUT));
    let mut last = "the engine does not report its port".to_owned();
    loop {
        let state = docker.inspect_container(&container.name, None::<InspectContainerOptions>).await;
        let state = state.map_err(|error| failed_to(&format!("inspect the container {}", container.name), &error))?;
        if let Some(code) = exit_code(&state) {
            let log = end_of_log(docker, &container).await;
            return Err(Error::new(format!(
                "the container of {image} ended with exit code {code}\nthe end of its log:\n{log}"
            )));
        }
        if let Some(port) = port(&state, spec.port) {
            container.port = port;
            #[cfg(feature = "_api-server")]
            {
                container.api_port = spec.api_port.and_then(|inside| self::port(&state, inside));
            }
            // An open port does not mean that the server is ready, because the engine opens the port before the server does.
            let address = Address::Container(container.clone());
            last = match probe_once::<S>(&address).await {
                Ok(()) => return Ok(address),
                Err(error) if RefusedLogin::is_reason_of(&error) => {
                    let variables = spec.settings.password_variables.join(" or ");
                    let log = end_of_log(docker, &container).await;
                    return Err(Error::new(format!(
                        "{error}; the image {image} must set the password of {variables}\nthe end of its log:\n{log}"
                    )));
                }
                Err(error) => error.to_string(),
            };
        }
        if began.elapsed() > limit {
            let log = end_of_log(docker, &container).await;
            return Err(Error::new(format!(
                "the server in the container of {image} does not answer within {limit:?}: {last}\nthe end of its log:\n{log}"
            )));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The exit code of the container, if it has ended.
fn exit_code(state: &ContainerInspectResponse) -> Option<i64> {
    let state = state.state.as_ref()?;
    (state.running == Some(false)).then(|| state.exit_code.unwrap_or_default())
}

/// The host's port for a port of the container. The IPv4 binding is used, because every machine has IPv4.
fn port(state: &ContainerInspectResponse, inside: u16) -> Option<u16> {
    let ports = state.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{inside}/tcp"))?.as_ref()?;
    let is_ipv4 = |binding: &&PortBinding| binding.host_ip.as_ref().is_none_or(|ip| !ip.contains(':'));
    bindings.iter().find(is_ipv4)?.host_port.as_ref()?.parse().ok()
}

/// The end of the server's log.
async fn end_of_log(docker: &Docker, container: &Container) -> String {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LOG_LINES).build();
    let mut log = String::new();
    let mut lines = std::pin::pin!(docker.logs(&container.name, Some(options)));
    while let Ok(Some(Ok(line))) = tokio::time::timeout(LOG_TIMEOUT, lines.next()).await {
        log.push_str(&line.to_string());
    }
    // The default images do not write the password to the log, but another image that the user names may do so.
    log.replace(container.password.expose(), "***").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_of_ipv4_is_preferred() {
        let state = |ports: &str| {
            let text = format!(r#"{{"NetworkSettings": {{"Ports": {ports}}}, "State": {{"Running": true}}}}"#);
            serde_json::from_str::<ContainerInspectResponse>(&text).unwrap()
        };
        let both = r#"{"5432/tcp": [{"HostIp": "::", "HostPort": "1"}, {"HostIp": "0.0.0.0", "HostPort": "2"}]}"#;
        assert_eq!(port(&state(both), 5432), Some(2));
        assert_eq!(port(&state(r#"{"5432/tcp": [{"HostIp": "", "HostPort": "3"}]}"#), 5432), Some(3));
        assert_eq!(port(&state(r#"{"5432/tcp": null}"#), 5432), None);
        assert_eq!(port(&state("{}"), 5432), None);
    }
}
