//! Services that outlive the run that has started them. Each has a session of its own, whose server starts the service, leases it to one run
//! after the other, and ends it when no run has used it for a time.
//!
//! So the service is in the ledger of a session like everything else: if the session server is killed, the next start of a suite sweeps the
//! session and ends the service.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream as Connection;

use super::client::SessionClient;
use super::folder::SessionFolder;
use super::recover::recover_session;
use super::request::request_reply;
use super::wire::{AfterKill, Reply, Request};
use crate::inject::{Error, FixtureDescriptor};
use crate::model::{
    ProcessIdentity, RESPONSE_TIMEOUT, RecoveryResult, SessionAddress, SessionConfig, SessionEnd, SessionRole,
};
use crate::process::{let_child_outlive_this_process, signal_process};

/// The beginning of the names of these sessions.
const PREFIX: &str = "kept-";

/// The pause between two attempts to lease a service whose session another process is creating or ending.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// The owner of these sessions: a process that does not exist. They do not end with a process, and a sweep ends them only if their server is
/// dead.
const NO_OWNER: ProcessIdentity = ProcessIdentity { pid: 0, start: 0 };

/// What the session server of a run needs to know in order to keep services.
#[derive(Debug)]
struct OfRun {
    root: PathBuf,
    config: SessionConfig,
    keep: Duration,
}

static OF_RUN: OnceLock<OfRun> = OnceLock::new();

/// Lets the session fixtures of this process, which is the session server of a run, keep services for a time, unless that is `None`.
pub(super) fn keep_services_of_run(folder: &SessionFolder, config: &SessionConfig, keep: Option<Duration>) {
    if let (Some(keep), Some(root)) = (keep, folder.path().parent()) {
        let _ = OF_RUN.set(OfRun { root: root.to_owned(), config: config.clone(), keep });
    }
}

/// How long the services of this run that are slow to start stay after it. `None` in every other process than the session server of a run, and
/// if services end with their run.
#[must_use]
pub fn keep_services() -> Option<Duration> {
    OF_RUN.get().map(|run| run.keep)
}

/// A service that outlives the run, leased to this run.
#[derive(Debug)]
pub struct KeptService {
    folder: SessionFolder,
    connection: Connection,
    value: String,
}

impl KeptService {
    /// Leases the service with this name, which contains everything that the service was made from. If there is none yet, a new session server
    /// starts it by setting up the fixture.
    ///
    /// It returns `None` if another run uses the service, or if services end with their run.
    ///
    /// # Errors
    ///
    /// When the service cannot be started.
    ///
    /// # Cancel safety
    ///
    /// The service may have been started if this is cancelled. It then ends after its time.
    pub async fn lease(
        name: &str,
        after_kill: AfterKill,
        fixture: &'static FixtureDescriptor,
    ) -> Result<Option<Self>, Error> {
        let Some(run) = OF_RUN.get() else { return Ok(None) };
        let (address, client) = client_of(run, name, fixture);
        let mut has_recovered = false;
        let began = Instant::now();
        while began.elapsed() < RESPONSE_TIMEOUT {
            let Some(folder) = SessionFolder::find(&address) else {
                if let Some(server) = client.create().map_err(|error| Error::new(error.chain()))? {
                    let_child_outlive_this_process(server);
                }
                continue;
            };
            match request(&folder, &Request::LeaseService { keep: run.keep, after_kill }).await {
                Ok((Reply::Value(value), connection)) => return Ok(Some(Self { folder, connection, value })),
                Ok((Reply::InUse, _)) => return Ok(None),
                Ok((Reply::Failed(problem), _)) => return Err(Error::new(problem.message)),
                Ok((Reply::Skipped(reason), _)) => return Err(Error::new(reason)),
                // The session is ending, or its server is dead.
                Ok(_) | Err(_) if has_recovered => return Ok(None),
                Ok(_) | Err(_) => has_recovered = recover_if_dead(&folder).await.is_some(),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        Ok(None)
    }

    /// The value of the service's fixture, as JSON.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Ends the lease. From now on the next run can lease the service.
    ///
    /// # Errors
    ///
    /// When the session server is dead, and something of the service cannot be given back.
    pub async fn release(mut self) -> Result<(), Error> {
        // Any byte is a release. The server closes the connection when it has noted the end of the lease, so that another run that
        // starts after this one gets the service.
        let _ = self.connection.write_all(b"r").await;
        let _ = self.connection.shutdown().await;
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(RESPONSE_TIMEOUT, self.connection.read_to_end(&mut rest)).await;
        // The next start of a suite would do the same, but then the service would run until then.
        match recover_if_dead(&self.folder).await {
            Some(recovered) if !recovered.problems.is_empty() => Err(Error::new(recovered.problems.join("; "))),
            _ => Ok(()),
        }
    }

    /// Ends the service, which does not work any more.
    ///
    /// # Errors
    ///
    /// When something of it cannot be given back.
    pub async fn end(self) -> Result<(), Error> {
        let folder = self.folder.clone();
        let released = self.release().await;
        match end_service(&folder).await {
            Ended::Ended(recovered) if !recovered.problems.is_empty() => Err(Error::new(recovered.problems.join("; "))),
            _ => released,
        }
    }
}

/// The address of a kept service's session, and its client.
fn client_of(run: &OfRun, name: &str, fixture: &FixtureDescriptor) -> (SessionAddress, SessionClient) {
    let address = SessionAddress { roots: vec![run.root.clone()], name: format!("{PREFIX}{name}"), owner: NO_OWNER };
    let role = SessionRole::KeptService { fixture: fixture.key() };
    let config = SessionConfig { owner: NO_OWNER, role, ..run.config.clone() };
    (address.clone(), SessionClient::new(address, config, None))
}

async fn request(folder: &SessionFolder, request: &Request) -> std::io::Result<(Reply, Connection)> {
    request_reply(folder.connect()?, request, folder).await
}

/// Gives back what a session with a dead server holds, and removes the session. Returns `None` if the server runs.
async fn recover_if_dead(folder: &SessionFolder) -> Option<RecoveryResult> {
    let lock = folder.try_lock().ok().flatten()?;
    let recovered = recover_session(folder).await;
    drop(lock);
    Some(recovered)
}

/// The result of a request to end a kept service.
enum Ended {
    Ended(RecoveryResult),
    /// A run uses the service.
    InUse,
}

/// Ends a kept service. A session server that does not answer is killed.
async fn end_service(folder: &SessionFolder) -> Ended {
    let limit = folder.config().map_or(RESPONSE_TIMEOUT, |config| config.limits.teardown + RESPONSE_TIMEOUT);
    match tokio::time::timeout(limit, request(folder, &Request::Finish)).await {
        Ok(Ok((Reply::InUse, _))) => return Ended::InUse,
        Ok(Ok((Reply::Finished(SessionEnd { recovered, .. }), _))) => return Ended::Ended(recovered),
        // The server is dead.
        Ok(_) => {}
        Err(_) => folder.servers().for_each(|server| signal_process(server, Signal::KILL)),
    }
    let began = Instant::now();
    while folder.path().is_dir() && began.elapsed() < RESPONSE_TIMEOUT {
        if let Some(recovered) = recover_if_dead(folder).await {
            return Ended::Ended(recovered);
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
    Ended::Ended(RecoveryResult::default())
}

/// The kept services that were ended, and those that runs use.
#[derive(Debug, Default)]
pub(crate) struct EndedServices {
    /// How many services were ended.
    pub(crate) ended: usize,
    /// How many services stay, because a run uses them.
    pub(crate) in_use: usize,
    /// What could not be given back.
    pub(crate) problems: Vec<String>,
}

/// Ends the kept services that no run uses.
pub(crate) async fn end_kept_services(roots: &[PathBuf]) -> EndedServices {
    let mut services = EndedServices::default();
    let keeps_service = |folder: &SessionFolder| !folder.is_retired() && folder.name().starts_with(PREFIX);
    for folder in roots.iter().flat_map(|root| SessionFolder::all(root)).filter(keeps_service) {
        match end_service(&folder).await {
            Ended::InUse => services.in_use += 1,
            Ended::Ended(recovered) => {
                services.ended += 1;
                services.problems.extend(recovered.problems);
            }
        }
    }
    services
}
