//! The run's session, as the supervisor sees it: created by the first process that needs it, ended with the run.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::inject::boxed;
use crate::model::{
    Lock, Mark, ProcessIdentity, RESPONSE_TIMEOUT, RunConfig, SessionAddress, SessionConfig, SessionEnd, Sweep,
    WorkerId,
};
use crate::process::WORKER_MARK;
use crate::session::{LockGuard, ProcessWatch, SessionClient, address_of, is_worth_sweeping, sweep, watch_address_of};

/// The run that the session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionOwner {
    /// This run, with which the session ends.
    ThisRun,
    /// The run of cargo-nextest, which continues after this process.
    NextestRun,
}

/// The session of the run.
#[derive(Debug)]
pub(super) struct RunSession {
    owner: SessionOwner,
    address: SessionAddress,
    config: SessionConfig,
    /// The environment variable by which itest finds everything that this process and its threads start.
    mark: Option<Mark>,
    client: Arc<SessionClient>,
    /// Kills the processes that tests have started, if this process dies. Under cargo-nextest no supervisor does this.
    watch: Option<(SessionClient, ProcessWatch)>,
    sweep: LeftoverSweep,
    /// Whether a thread of this process hangs. It keeps its ledger open until this process ends.
    has_hanging_thread: bool,
}

impl RunSession {
    /// Determines the address of the session, and begins to give back the leftovers of killed runs. The session server is not started yet.
    pub(super) fn new(run: &RunConfig) -> Self {
        let (address, config) = address_of(run);
        let owner = if run.session.nextest.is_some() { SessionOwner::NextestRun } else { SessionOwner::ThisRun };
        let mark = run.session.nextest.as_ref().and_then(|nextest| nextest.mark.clone());
        let client = Arc::new(SessionClient::new(address.clone(), config.clone(), mark.clone()));
        let watch = watch_address_of(run).and_then(|(address, config)| {
            let client = SessionClient::new(address, config, mark.clone());
            let watch = client.watch()?;
            Some((client, watch))
        });
        let roots = address.roots.clone();
        let sweep = if is_worth_sweeping(&roots) {
            LeftoverSweep::Running(tokio::spawn(boxed(async move { sweep(&roots).await })))
        } else {
            LeftoverSweep::NotNeeded
        };
        Self { owner, address, config, mark, client, watch, sweep, has_hanging_thread: false }
    }

    /// The process of cargo-nextest that owns the run, if any.
    pub(super) fn runner(&self) -> Option<ProcessIdentity> {
        (self.owner == SessionOwner::NextestRun).then_some(self.config.owner)
    }

    pub(super) fn address(&self) -> SessionAddress {
        self.address.clone()
    }

    pub(super) fn config(&self) -> SessionConfig {
        self.config.clone()
    }

    /// The environment variable by which itest finds everything that a worker process starts.
    pub(super) fn mark_of(&self, worker: WorkerId) -> Mark {
        Mark::new(WORKER_MARK, format!("{}/{}", self.address.name, worker.0))
    }

    /// The environment variable by which itest finds everything that a worker thread starts.
    pub(super) fn own_mark(&self) -> Option<Mark> {
        self.mark.clone()
    }

    /// Takes locks against other processes of the run. Only a cargo-nextest run has processes that this one does not supervise.
    ///
    /// # Errors
    ///
    /// The reason why the locks cannot be taken.
    pub(super) async fn lock(&self, locks: Vec<Lock>) -> Result<Option<LockGuard>, String> {
        if self.owner == SessionOwner::ThisRun || locks.is_empty() {
            return Ok(None);
        }
        match self.client.lock(locks).await {
            Ok(guard) => Ok(Some(guard)),
            Err(caught) => Err(caught.into_problem().message),
        }
    }

    /// Waits, with a limit, until the server has given back all resources of a process that has ended.
    pub(super) fn settle(&self, process: u32) -> impl Future<Output = ()> + Send + use<> {
        let (client, timeout) = (Arc::clone(&self.client), self.config.limits.teardown + RESPONSE_TIMEOUT);
        async move {
            let _ = tokio::time::timeout(timeout, client.await_recovery(process)).await;
        }
    }

    /// Notes that a thread of this process hangs. The session server gives back the resources of its test after this process has ended.
    pub(super) fn abandon_thread(&mut self) {
        self.watch = None;
        self.has_hanging_thread = true;
    }

    /// Whether there is anything to do at the end.
    pub(super) fn is_worth_finishing(&self) -> bool {
        !self.has_hanging_thread
            && (!matches!(self.sweep, LeftoverSweep::NotNeeded)
                || self.owner == SessionOwner::NextestRun
                || self.client.is_started())
    }

    /// Ends the session, and waits until everything is given back.
    pub(super) async fn finish(&mut self) -> Finished {
        let end = match self.owner {
            SessionOwner::ThisRun => self.client.finish().await,
            SessionOwner::NextestRun => {
                self.client.ensure_server();
                if let Some((client, watch)) = self.watch.take() {
                    client.ensure_server();
                    watch.release();
                }
                SessionEnd::default()
            }
        };
        self.complete_sweep().await;
        let swept = match std::mem::replace(&mut self.sweep, LeftoverSweep::NotNeeded) {
            LeftoverSweep::Completed(swept) => swept,
            LeftoverSweep::Running(_) | LeftoverSweep::NotNeeded => Sweep::default(),
        };
        Finished { end, swept }
    }

    /// Waits until the leftovers of earlier runs are given back, with a limit. The sweep opens files and starts processes, which would look like leaks of a
    /// test that runs in this process at the same time.
    pub(super) async fn complete_sweep(&mut self) {
        let LeftoverSweep::Running(sweep) = &mut self.sweep else { return };
        // Under cargo-nextest many processes sweep. The next one continues where this one stops.
        let limit = if self.owner == SessionOwner::ThisRun { SWEEP_TIMEOUT } else { Duration::from_secs(1) };
        if let Ok(swept) = tokio::time::timeout(limit, sweep).await {
            self.sweep = LeftoverSweep::Completed(swept.unwrap_or_default());
        }
    }
}

/// The sweep of the leftovers of earlier runs.
#[derive(Debug)]
enum LeftoverSweep {
    /// There are no leftovers.
    NotNeeded,
    Running(JoinHandle<Sweep>),
    Completed(Sweep),
}

/// How long a run waits for the sweep of the leftovers of earlier runs.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(30);

/// The results of the end of a session.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// The resources of this run that were given back, and the problems.
    pub(super) end: SessionEnd,
    /// The same for earlier runs.
    pub(super) swept: Sweep,
}
