//! What a running container says of itself: its log, its health, and the exit codes of commands in it.

use futures_util::StreamExt;
use testcontainers::bollard::exec::StartExecResults;
use testcontainers::bollard::models::{ExecConfig, HealthStatusEnum};
use testcontainers::bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};
use testcontainers::core::client::docker_client_instance;

use itest_runtime::Error;

use super::running::Container;
use crate::failure::failed_to;

impl Container {
    /// Its log.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    pub(crate) async fn log(&self) -> Result<String, Error> {
        let docker = docker_client_instance().await.map_err(|error| self.failed_to("read the log of", &error))?;
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let mut lines = std::pin::pin!(docker.logs(&self.name, Some(options)));
        let mut log = String::new();
        while let Some(line) = lines.next().await {
            log.push_str(&line.map_err(|error| self.failed_to("read the log of", &error))?.to_string());
        }
        Ok(log)
    }

    /// Whether the health check of its image succeeds.
    ///
    /// # Errors
    ///
    /// When it does not, or the image has none.
    pub(crate) async fn is_healthy(&self) -> Result<(), Error> {
        let docker = docker_client_instance().await.map_err(|error| self.failed_to("inspect", &error))?;
        let state = docker.inspect_container(&self.name, None::<InspectContainerOptions>).await;
        let state = state.map_err(|error| self.failed_to("inspect", &error))?;
        match state.state.and_then(|state| state.health).and_then(|health| health.status) {
            Some(HealthStatusEnum::HEALTHY) => Ok(()),
            Some(status @ (HealthStatusEnum::STARTING | HealthStatusEnum::UNHEALTHY)) => {
                Err(Error::new(format!("its health check reports `{status}`")))
            }
            _ => Err(Error::new(format!("the image {} has no health check", self.image))),
        }
    }

    /// The exit code of a command in the container.
    ///
    /// # Errors
    ///
    /// When the engine cannot run the command.
    pub(crate) async fn run(&self, words: Vec<String>) -> Result<Option<i64>, Error> {
        let docker = docker_client_instance().await.map_err(|error| self.failed_to("run a command in", &error))?;
        // The output is attached, because its end is the end of the command.
        let config = ExecConfig {
            cmd: Some(words),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let created = docker.create_exec(&self.name, config).await;
        let id = created.map_err(|error| self.failed_to("run a command in", &error))?.id;
        let started = docker.start_exec(&id, None).await;
        if let StartExecResults::Attached { mut output, .. } =
            started.map_err(|error| self.failed_to("run a command in", &error))?
        {
            while output.next().await.is_some() {}
        }
        let ended = docker.inspect_exec(&id).await;
        Ok(ended.map_err(|error| self.failed_to("run a command in", &error))?.exit_code)
    }

    fn failed_to(&self, action: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        failed_to(&format!("{action} the container {}", self.name), error)
    }
}
