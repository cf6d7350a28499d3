//! The containers of a project, as the engine reports them.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::models::{ContainerInspectResponse, ContainerSummary};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder,
};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use crate::service::container::{HOST, engine_at, engine_failed_to};

/// The label with the project of a container, a network or a volume.
const PROJECT_LABEL: &str = "com.docker.compose.project";

/// How long the engine may take for one line of a log.
const LINE_TIMEOUT: Duration = Duration::from_secs(5);

/// The number of log lines that an error or a note quotes.
const QUOTED_LINES: &str = "20";

/// Which lines of a log are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogPart {
    All,
    /// The last ones.
    End,
    /// The last ones, if they were written since this second of Unix time.
    EndSince(i32),
}

/// The engine, and a project in it.
#[derive(Debug, Clone)]
pub(super) struct ProjectInEngine {
    docker: Docker,
    project: String,
}

/// The filter for the resources of a project.
pub(super) fn filter(project: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{PROJECT_LABEL}={project}")])])
}

impl ProjectInEngine {
    /// A project in the engine that `DOCKER_HOST` names.
    ///
    /// # Errors
    ///
    /// When the address is not one of an engine.
    pub(super) async fn connect(project: &str) -> Result<Self, Error> {
        let docker = engine_at(variable(HOST).as_deref()).await.map_err(|error| no_answer(&error))?;
        Ok(Self { docker, project: project.to_owned() })
    }

    /// The containers of the project, with their ports. The containers of a service are in the order of their numbers.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    pub(super) async fn containers(&self) -> Result<Vec<ContainerSummary>, Error> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filter(&self.project)).build();
        let listed = self.docker.list_containers(Some(options)).await;
        let mut containers = listed.map_err(|error| no_answer(&error))?;
        containers.sort_by(|one, other| one.names.cmp(&other.names));
        Ok(containers)
    }

    /// The details of a container, or `None` if it was removed.
    ///
    /// # Errors
    ///
    /// When the engine does not answer.
    pub(super) async fn inspect(&self, container: &str) -> Result<Option<ContainerInspectResponse>, Error> {
        match self.docker.inspect_container(container, None::<InspectContainerOptions>).await {
            Ok(details) => Ok(Some(details)),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(no_answer(&error)),
        }
    }

    /// The log of a container. A log that cannot be read is replaced by the reason.
    pub(super) async fn log(&self, container: &str, part: LogPart) -> String {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true);
        let options = match part {
            LogPart::All => options,
            LogPart::End => options.tail(QUOTED_LINES),
            LogPart::EndSince(second) => options.tail(QUOTED_LINES).since(second),
        };
        let mut log = String::new();
        let mut lines = std::pin::pin!(self.docker.logs(container, Some(options.build())));
        loop {
            match tokio::time::timeout(LINE_TIMEOUT, lines.next()).await {
                Ok(Some(Ok(line))) => log.push_str(&line.to_string()),
                Ok(None) => return log.trim_end().to_owned(),
                Ok(Some(Err(error))) => return format!("{log}(the log cannot be read: {error})"),
                Err(_) => return format!("{log}(the engine does not send more of the log)"),
            }
        }
    }
}

fn no_answer(error: &EngineError) -> Error {
    engine_failed_to("inspect the services", variable(HOST).as_deref(), error)
}
