//! Removes all that belongs to a project: containers, volumes, networks and built images. The process that removes them need not be the one that
//! started the project.
//!
//! They are found by their labels, and not by `down` of the client, because a later run may have neither the client nor the file.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Teardown};

use super::engine::filter;
use super::folder::PREFIX;
use crate::failure::{failed_to, with_action};
use crate::itest::teardown;
use crate::service::container::{HOST, engine_at, engine_failed_to_remove};

/// The file in the folder of a project which says that the client has ended, so that the engine creates nothing more.
const UP_HAS_ENDED: &str = "up-has-ended";

/// How long an engine may continue to create a container after the client that requested it has died.
const CREATION_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a resource may be in use by others, such as a removal by another process.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(8);

/// The pause between two attempts.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The ledger's entry of a project.
#[derive(Debug, Serialize, Deserialize)]
struct LedgerEntry {
    project: String,
    /// The `DOCKER_HOST` of the process that started it, because a later run may have another value.
    host: Option<String>,
    /// The folder of the project.
    folder: PathBuf,
}

/// What one attempt to remove everything has done.
#[derive(Debug, Default)]
struct Attempt {
    /// The number of resources that existed.
    existing: usize,
    /// Why some of them could not be removed.
    problems: Vec<String>,
}

/// Writes the removal of a project to the ledger, before anything of it is created.
///
/// # Errors
///
/// When the ledger cannot be written.
pub(super) fn register(project: &str, folder: PathBuf, teardown: &Teardown) -> Result<(), Error> {
    let entry = LedgerEntry { project: project.to_owned(), host: variable(HOST), folder };
    teardown.durable(remove_compose_project, entry)
}

/// Records that the client has ended, so that the removal need not wait for what the engine may still create.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn record_end_of_up(folder: &std::path::Path) -> Result<(), Error> {
    let path = folder.join(UP_HAS_ENDED);
    std::fs::write(&path, "").map_err(|error| failed_to(&format!("write {}", path.display()), &error))
}

/// Removes a project.
#[teardown(crate = crate::itest)]
async fn remove_compose_project(entry: LedgerEntry) -> Result<(), Error> {
    entry.remove().await
}

impl LedgerEntry {
    async fn remove(&self) -> Result<(), Error> {
        let project = &self.project;
        if !project.starts_with(PREFIX) {
            return Err(Error::new(format!("{project} is no project of itest")));
        }
        let docker = engine_at(self.host.as_deref()).await.map_err(|error| self.failed(&error))?;
        let is_complete = self.folder.join(UP_HAS_ENDED).exists();
        let since = Instant::now();
        loop {
            let Attempt { existing, problems } =
                remove_once(&docker, project).await.map_err(|error| self.failed(&error))?;
            if !problems.is_empty() {
                if since.elapsed() > REMOVAL_TIMEOUT {
                    return Err(with_action(&format!("remove the Compose project {project}"), &problems.join(", ")));
                }
            } else if is_complete || existing == 0 && since.elapsed() > CREATION_TIMEOUT {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn failed(&self, error: &EngineError) -> Error {
        engine_failed_to_remove(&format!("the Compose project {}", self.project), self.host.as_deref(), error)
    }
}

/// Removes what exists now. Containers are removed first, because they use the volumes, the networks and the images.
async fn remove_once(docker: &Docker, project: &str) -> Result<Attempt, EngineError> {
    let label = filter(project);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&label).build();
    let containers = docker.list_containers(Some(options)).await?.into_iter().filter_map(|container| container.id);
    let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let containers = containers.map(async |id| {
        let removed = docker.remove_container(&id, Some(force.clone())).await;
        problem("container", &id, removed)
    });
    let containers = join_all(containers).await;

    let options = ListNetworksOptionsBuilder::new().filters(&label).build();
    let networks = docker.list_networks(Some(options)).await?.into_iter().filter_map(|network| network.name);
    let networks = networks.map(async |name| problem("network", &name, docker.remove_network(&name).await));
    let networks = join_all(networks).await;

    let options = ListVolumesOptionsBuilder::new().filters(&label).build();
    let volumes = docker.list_volumes(Some(options)).await?.volumes.unwrap_or_default().into_iter();
    let force = RemoveVolumeOptionsBuilder::new().force(true).build();
    let volumes = volumes.map(async |volume| {
        let removed = docker.remove_volume(&volume.name, Some(force.clone())).await;
        problem("volume", &volume.name, removed)
    });
    let volumes = join_all(volumes).await;

    let reference = HashMap::from([("reference", vec![format!("{project}-*")])]);
    let options = ListImagesOptionsBuilder::new().filters(&reference).build();
    let images = docker.list_images(Some(options)).await?.into_iter().flat_map(|image| image.repo_tags);
    let force = RemoveImageOptionsBuilder::new().force(true).build();
    let images = images.map(async |tag| {
        let removed = docker.remove_image(&tag, Some(force.clone()), None).await;
        problem("image", &tag, removed.map(drop))
    });
    let images = join_all(images).await;

    let attempts = [containers, networks, volumes, images].concat();
    Ok(Attempt { existing: attempts.len(), problems: attempts.into_iter().flatten().collect() })
}

/// Why a resource could not be removed. One that another process has removed in the meantime is no problem.
fn problem(kind: &str, name: &str, removed: Result<(), EngineError>) -> Option<String> {
    match removed {
        Ok(()) | Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => None,
        Err(error) => Some(format!("{kind} {name}: {error}")),
    }
}
