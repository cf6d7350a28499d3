//! The run's session, as the supervisor sees it: created by the first process that needs it, ended with the run.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::model::{
    Lock, Mark, ProcessIdentity, RESPONSE_TIMEOUT, RunConfig, SessionAddress, SessionConfig, SessionEnd, Sweep,
    WorkerId,
};
use crate::process::WORKER_MARK;
use crate::session::{LockGuard, ProcessWatch, SessionClient, address_of, is_worth_sweeping, sweep, watch_address_of};

/// Whose session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// This run's own: it ends with the run.
    Own,
    /// That of a cargo-nextest run, which goes on behind this process.
    Nextest,
}

/// The session of the run.
#[derive(Debug)]
pub(super) struct RunSession {
    kind: Kind,
    address: SessionAddress,
    config: SessionConfig,
    /// The environment variable by which itest finds everything that this process and its threads start.
    mark: Option<Mark>,
    client: Arc<SessionClient>,
    /// Ends what tests have started, if they take this process with them: under cargo-nextest it has no supervisor.
    watch: Option<(SessionClient, ProcessWatch)>,
    sweep: Option<JoinHandle<Sweep>>,
    /// A thread of this process hangs, and holds a ledger that only the end of this process lets go.
    has_hanging_thread: bool,
}

impl RunSession {
    /// Finds out where the session is, and begins to sweep up behind dead ones. Nothing else is started yet.
    pub(super) fn new(run: &RunConfig) -> Self {
        let (address, config) = address_of(run);
        let kind = if run.session.nextest.is_some() { Kind::Nextest } else { Kind::Own };
        let mark = run.session.nextest.as_ref().and_then(|nextest| nextest.mark.clone());
        let client = Arc::new(SessionClient::new(address.clone(), config.clone(), mark.clone()));
        let watch = watch_address_of(run).and_then(|(address, config)| {
            let client = SessionClient::new(address, config, mark.clone());
            let watch = client.watch()?;
            Some((client, watch))
        });
        let roots = address.roots.clone();
        let sweep = is_worth_sweeping(&roots).then(|| tokio::spawn(async move { sweep(&roots).await }));
        Self { kind, address, config, mark, client, watch, sweep, has_hanging_thread: false }
    }

    /// The process of cargo-nextest that owns the run, if any.
    pub(super) fn runner(&self) -> Option<ProcessIdentity> {
        (self.kind == Kind::Nextest).then_some(self.config.owner)
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

    /// Locks against other processes of the run, where it has any that this one does not supervise.
    ///
    /// # Errors
    ///
    /// Why they cannot be had.
    pub(super) async fn lock(&self, locks: Vec<Lock>) -> Result<Option<LockGuard>, String> {
        if self.kind == Kind::Own || locks.is_empty() {
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

    /// A thread of this process hangs. The session's server gives back what its test has taken, and ends, after this process has ended.
    pub(super) fn abandon_thread(&mut self) {
        self.watch = None;
        self.has_hanging_thread = true;
    }

    /// Whether there is anything to do at the end.
    pub(super) fn is_worth_finishing(&self) -> bool {
        !self.has_hanging_thread && (self.sweep.is_some() || self.kind == Kind::Nextest || self.client.is_started())
    }

    /// Ends the session, and waits until everything is given back.
    pub(super) async fn finish(&mut self) -> Finished {
        let end = match self.kind {
            Kind::Own => self.client.finish().await,
            Kind::Nextest => {
                self.client.ensure_server();
                if let Some((client, watch)) = self.watch.take() {
                    client.ensure_server();
                    watch.release();
                }
                SessionEnd::default()
            }
        };
        let swept = match &mut self.sweep {
            // Under nextest many processes come by here; what one of them does not finish, the next one does.
            Some(sweep) => {
                let limit = if self.kind == Kind::Own { SWEEP_LIMIT } else { Duration::from_secs(1) };
                tokio::time::timeout(limit, sweep).await.ok().and_then(Result::ok).unwrap_or_default()
            }
            None => Sweep::default(),
        };
        Finished { end, swept }
    }
}

/// A run does not wait for longer than this for what earlier ones left behind.
const SWEEP_LIMIT: Duration = Duration::from_secs(30);

/// What came of the session's end.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// Of this run.
    pub(super) end: SessionEnd,
    /// Of earlier ones.
    pub(super) swept: Sweep,
}
