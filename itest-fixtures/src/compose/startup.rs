//! Starts the services of a compose file, and waits until they are ready.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use itest_runtime::__private::unavailable;
use itest_runtime::{Error, Teardown};
use testcontainers::bollard::models::ContainerSummary;

use super::cli::{Call, Cli};
use super::definition::{Stack, StackOptions};
use super::document::Document;
use super::engine::{LogPart, ProjectInEngine};
use super::file::ComposeFile;
use super::folder;
use super::removal;
use super::services::{Services, name_of, open_tcp_ports, service_of};
use super::state::{HealthCheck, State};
use crate::failure::{failed_to, with_action};
use crate::service::container::{Engine, EngineHost};
use crate::service::{Offer, accepts_connections_that_last};

/// The pause between two inspections of the containers.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long one connection to a service may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A project whose services are ready.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) project: String,
    pub(super) services: Services,
    /// The client that started it.
    pub(super) client: String,
}

/// Where the ports of the services are open.
struct Place {
    /// The address for the tests.
    host: IpAddr,
    /// The address that the engine binds; `None` stands for all addresses.
    bound: Option<String>,
}

/// Starts the services, and waits until they are ready. Where there is neither an engine nor a client, the test is skipped, or fails if the run
/// requires the services.
///
/// # Errors
///
/// When the file is wrong, an image is missing, or a service does not become ready. The error contains the end of its log.
pub(super) async fn start<S: Stack>(teardown: &Teardown) -> Result<Started, Error> {
    let (file, options) = (ComposeFile::find(S::FILE)?, S::options(StackOptions::default()));
    let project = folder::new_project_name();
    let folder = folder::create(&project, teardown)?;
    let cli = available(&file, Cli::find(&file, &folder, options.clone(), teardown).await?);
    let (resolved, warnings) = cli.resolve(&file).await?;
    let mut document = Document::parse(&resolved, file.shown)?;
    document.select(&options)?;
    let engine = available(&file, Engine::find().await?);
    let place = place(&engine).await?;
    document.isolate(&project, place.bound.as_deref(), &options.ports)?;
    for (service, image) in document.images() {
        engine.pull_if_missing(image, &format!("`image` of the service `{service}` in {}", file.shown)).await?;
    }
    let rewritten = folder.join("compose.json");
    let written = std::fs::write(&rewritten, document.to_text()?);
    written.map_err(|error| failed_to(&format!("write {}", rewritten.display()), &error))?;
    if !warnings.is_empty() {
        let _ = writeln!(io::stderr(), "{warnings}");
    }
    removal::register(&project, folder.clone(), teardown)?;
    if document.has_builds() {
        cli.build(&rewritten).await?;
    }
    let call = cli.up(&rewritten).await?;
    let startup = Startup {
        engine: ProjectInEngine::connect(&project).await?,
        host: place.host,
        file: file.shown,
        began: Instant::now(),
        limit: S::STARTUP_TIMEOUT,
        one_shots: document.one_shots().into_iter().chain(options.one_shots).collect(),
    };
    let ready = startup.wait(&call).await;
    if ready.is_err() {
        call.kill().await?;
    } else {
        removal::record_end_of_up(&folder)?;
    }
    let services = ready.map_err(|error| if warnings.is_empty() { error } else { with_warnings(&error, &warnings) })?;
    Ok(Started { project, services, client: cli.in_words() })
}

fn with_warnings(error: &Error, warnings: &str) -> Error {
    Error::new(format!("{error}\nthe client of Compose warns:\n{warnings}"))
}

/// What is offered. Otherwise the test is skipped, or fails if the run requires the services.
fn available<T>(file: &ComposeFile, offer: Offer<T>) -> T {
    match offer {
        Offer::Available(value) => value,
        Offer::Unavailable(remedy) => unavailable(&format!("Compose ({})", file.shown), &remedy),
    }
}

async fn place(engine: &Engine) -> Result<Place, Error> {
    let local = Ipv4Addr::LOCALHOST;
    match engine.engine_host().await? {
        EngineHost::Local => Ok(Place { host: local.into(), bound: Some(local.to_string()) }),
        EngineHost::OutsideOfOwnContainer(bridge) => {
            let host = bridge.gateway.parse();
            let host = host.map_err(|error| failed_to(&format!("read the address {}", bridge.gateway), &error))?;
            Ok(Place { host, bound: Some(bridge.gateway) })
        }
        EngineHost::Remote => Ok(Place { host: engine.remote_address().await?, bound: None }),
    }
}

/// The services of a project that are being started.
struct Startup {
    engine: ProjectInEngine,
    host: IpAddr,
    file: &'static str,
    began: Instant,
    limit: Duration,
    /// The services that must have ended.
    one_shots: BTreeSet<String>,
}

/// A container that is not ready.
struct Unready {
    container: String,
    service: String,
    reason: String,
}

impl Startup {
    /// Waits until the client has ended and all containers are ready.
    async fn wait(&self, call: &Call) -> Result<Services, Error> {
        loop {
            // The status is read first, because a container that is ready before the end of the client may not be the last one.
            let status = call.status();
            let containers = self.engine.containers().await?;
            let unready = self.first_unready(&containers).await?;
            match (status, unready) {
                (Some(status), _) if !status.success() => {
                    let reason = format!("{} fails:\n{}", call.words(), call.messages());
                    return Err(Error::new(format!("cannot start the services of {}: {reason}", self.file)));
                }
                (Some(_), None) => return Ok(Services::of(self.file, self.host, &containers)),
                (_, unready) if self.began.elapsed() > self.limit => return Err(self.too_late(unready, call).await),
                _ => {}
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The first container that is not ready.
    ///
    /// # Errors
    ///
    /// When a container has failed. The error contains the end of its log.
    async fn first_unready(&self, containers: &[ContainerSummary]) -> Result<Option<Unready>, Error> {
        let mut unready = None;
        for container in containers {
            let (name, service) = (name_of(container), service_of(container));
            let Some(details) = self.engine.inspect(&name).await? else { continue };
            let reason = match State::of(&details) {
                State::Running(_) if self.one_shots.contains(&service) => "has not ended yet".to_owned(),
                State::Completed | State::Running(HealthCheck::Succeeds) => continue,
                State::Running(HealthCheck::None) => match self.closed_port(container).await {
                    Some(reason) => reason,
                    None => continue,
                },
                State::NotReady(reason) => reason,
                State::Failed(reason) => {
                    let log = self.engine.log(&name, LogPart::End).await;
                    return Err(self.failed(&service, &reason, &log));
                }
            };
            unready.get_or_insert(Unready { container: name, service, reason });
        }
        Ok(unready)
    }

    /// Why a published port of a container cannot be used, if there is one.
    async fn closed_port(&self, container: &ContainerSummary) -> Option<String> {
        for (inner, open) in open_tcp_ports(container) {
            let address = SocketAddr::new(self.host, open);
            let place = address.to_string();
            let connected = accepts_connections_that_last(address, &place);
            let reason = match tokio::time::timeout(CONNECT_TIMEOUT, connected).await {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {CONNECT_TIMEOUT:?}"),
            };
            return Some(format!("does not accept connections on its port {inner}: {reason}"));
        }
        None
    }

    async fn too_late(&self, unready: Option<Unready>, call: &Call) -> Error {
        let (file, limit) = (self.file, self.limit);
        let Some(Unready { container, service, reason }) = unready else {
            let reason = format!("{} has not ended within {limit:?}:\n{}", call.words(), call.messages());
            return with_action(&format!("start the services of {file}"), &reason);
        };
        let log = self.engine.log(&container, LogPart::End).await;
        self.failed(&service, &format!("is not ready within {limit:?}: it {reason}"), &log)
    }

    fn failed(&self, service: &str, reason: &str, log: &str) -> Error {
        failed_service(self.file, service, reason, log)
    }
}

/// The error of a service, with the end of its log.
pub(super) fn failed_service(file: &str, service: &str, reason: &str, log: &str) -> Error {
    let log = if log.is_empty() { "its log is empty".to_owned() } else { format!("the end of its log:\n{log}") };
    Error::new(format!("the service `{service}` of {file} {reason}\n{log}"))
}
