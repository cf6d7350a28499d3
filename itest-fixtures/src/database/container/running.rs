//! A container that was started: where its server is, and when it answers.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::{ContainerInspectResponse, PortBinding};
use testcontainers::bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};

use itest_runtime::Error;

use super::{Password, Recipe};
use crate::database::failed_to;

/// How long a server may take from the start of its container until it answers: it makes its files first.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long one connection may take.
const ANSWER: Duration = Duration::from_secs(5);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// So many of its last lines are told.
const LINES: &str = "20";

/// A container whose server answers, as all processes of the run know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    /// What the engine calls it.
    pub(crate) name: String,
    /// What it was made of.
    pub(crate) image: String,
    /// Where its port is open.
    pub(crate) host: String,
    /// Its port there.
    pub(crate) port: u16,
    /// What lets its administrator in.
    pub(crate) password: Password,
}

impl Container {
    /// In words, without the password.
    pub(crate) fn in_words(&self) -> String {
        let Self { name, image, host, port, .. } = self;
        format!("{host}:{port} (the container {name} of {image})")
    }
}

/// Waits until the server of a container lets somebody in: an open port says nothing, as the engine opens it ahead of the server.
pub(super) async fn wait(
    docker: &Docker,
    recipe: &Recipe,
    name: String,
    host: String,
    answers: impl AsyncFn(&Container) -> Result<(), Error>,
) -> Result<Container, Error> {
    let Recipe { image, password, .. } = recipe;
    let mut container = Container { name, image: image.clone(), host, port: 0, password: password.clone() };
    let since = Instant::now();
    let mut last = "the engine does not tell its port".to_owned();
    loop {
        let state = docker.inspect_container(&container.name, None::<InspectContainerOptions>).await;
        let state = state.map_err(|error| failed_to(&format!("look at the container {}", container.name), &error))?;
        if let Some(code) = exit_code(&state) {
            let said = last_lines(docker, &container).await;
            return Err(Error::new(format!("the container of {image} ended with exit code {code}\nit says:\n{said}")));
        }
        if let Some(port) = port(&state, recipe.port) {
            container.port = port;
            last = match tokio::time::timeout(ANSWER, answers(&container)).await {
                Ok(Ok(())) => return Ok(container),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {ANSWER:?}"),
            };
        }
        if since.elapsed() > PATIENCE {
            let said = last_lines(docker, &container).await;
            return Err(Error::new(format!(
                "the server in the container of {image} does not answer within {PATIENCE:?}: {last}\nit says:\n{said}"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How it ended, if it has.
fn exit_code(state: &ContainerInspectResponse) -> Option<i64> {
    let state = state.state.as_ref()?;
    (state.running == Some(false)).then(|| state.exit_code.unwrap_or_default())
}

/// The port outside that leads to one inside, in the family of addresses that every machine has.
fn port(state: &ContainerInspectResponse, inside: u16) -> Option<u16> {
    let ports = state.network_settings.as_ref()?.ports.as_ref()?;
    let bindings = ports.get(&format!("{inside}/tcp"))?.as_ref()?;
    let is_ipv4 = |binding: &&PortBinding| binding.host_ip.as_ref().is_none_or(|ip| !ip.contains(':'));
    bindings.iter().find(is_ipv4)?.host_port.as_ref()?.parse().ok()
}

/// What the server wrote last.
async fn last_lines(docker: &Docker, container: &Container) -> String {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(LINES).build();
    let mut said = String::new();
    let mut lines = std::pin::pin!(docker.logs(&container.name, Some(options)));
    while let Ok(Some(Ok(line))) = tokio::time::timeout(ANSWER, lines.next()).await {
        said.push_str(&line.to_string());
    }
    // The images do not write it; somebody's own might.
    said.replace(container.password.expose(), "***").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_the_older_addresses() {
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
