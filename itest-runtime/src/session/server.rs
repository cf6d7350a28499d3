//! The session server. It holds the session fixtures, grants locks, executes the ledgers of processes that have ended, and ends
//! when the run is over.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::UnixListener as Listener;
use tokio::sync::{mpsc, oneshot};

use super::build_id::build_id;
use super::connection::accept;
use super::error::SessionError;
use super::fixtures::Fixtures;
use super::folder::SessionFolder;
use super::kept_service::keep_services_of_run;
use super::ledger::LedgerFile;
use super::locks::Locks;
use super::message::{Connection, Context, Disconnect, Made, Message};
use super::recover::{end_processes_of_servers, end_workers, kill_owner};
use super::recoveries::Recoveries;
use super::service_lease::ServiceLease;
use super::signals::survive_termination_signals;
use super::watched::{end_watched, watch_owner};
use super::wire::{Reply, Request};
use crate::inject::{
    Caught, Error, Ledger, PanicOutput, Registry, block_on, harness_runtime, install_panic_hook, spawn,
};
use crate::model::{HarnessError, Problem, RESPONSE_TIMEOUT, SessionConfig, SessionEnd, SessionRole};
use crate::process::{adopt_orphans, is_alive, kill_all_children};

/// How often the server checks for blocked setups and for ended processes without a connection. No message reports these.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Runs this process as the session server until the session ends.
///
/// # Errors
///
/// When the process was not started as a session server, or a resource of the system cannot be allocated.
pub(crate) fn serve_session(registry: &Registry, folder: PathBuf) -> Result<(), HarnessError> {
    let folder = SessionFolder::at(folder);
    let begin = || -> io::Result<_> {
        let listener = UnixListener::from(io::stdin().as_fd().try_clone_to_owned()?);
        let lock = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        listener.set_nonblocking(true)?;
        let config = folder.config()?;
        Ok((listener, lock, config, harness_runtime().ok_or(io::ErrorKind::OutOfMemory)?))
    };
    let (listener, lock, config, runtime) =
        begin().map_err(HarnessError::io("serve a session (only the harness starts a session server)"))?;
    install_panic_hook(PanicOutput::AtOnce);
    adopt_orphans();
    // The subscriber is set on each thread, because session fixtures may install the global one.
    #[cfg(feature = "tracing")]
    crate::process::show_trace(&config.log, crate::model::TraceScope::Threads);
    let served = block_on(runtime, async { Server::start(registry, folder, listener, config)?.run().await });
    // Session fixtures may have left daemons and other processes.
    kill_all_children();
    served.map_err(HarnessError::io("serve the session"))?;
    drop(lock);
    Ok(())
}

/// A request to end the session, and the channel for its answer.
type Finish = (Connection, oneshot::Sender<Reply>);

struct Server<'r> {
    registry: &'r Registry,
    folder: SessionFolder,
    config: SessionConfig,
    build: u64,
    messages: mpsc::UnboundedReceiver<Message>,
    fixtures: Fixtures,
    recoveries: Recoveries,
    locks: Locks,
    /// Whether an earlier server of this session was killed.
    has_predecessor: bool,
    /// The clients that keep the session alive. `None` once the session ends, when it can no longer be kept alive.
    keep_alives: Option<HashSet<Connection>>,
    /// The lease of the service that this session keeps. `None` for the session of a run.
    lease: Option<ServiceLease>,
    /// Whether the run is over, or the time of the kept service.
    is_run_over: bool,
    finish: Option<Finish>,
    end: SessionEnd,
}

impl<'r> Server<'r> {
    fn start(
        registry: &'r Registry,
        folder: SessionFolder,
        listener: UnixListener,
        config: SessionConfig,
    ) -> io::Result<Self> {
        // The server must not end before its run, because only the server gives back the resources of processes that have ended.
        survive_termination_signals()?;
        let mut end = SessionEnd::default();
        let has_predecessor = folder.server().is_some();
        let lost = has_predecessor.then(|| Problem::new(SessionError::died(&folder).chain()));
        end.recovered.problems.extend(lost.iter().map(|problem| problem.message.clone()));
        folder.set_server()?;
        let (sender, messages) = mpsc::unbounded_channel();
        spawn(accept(Listener::from_std(listener)?, sender.clone()));
        let lease = match config.role {
            SessionRole::Run { keep_services } => {
                keep_services_of_run(&folder, &config, keep_services);
                watch_owner(config.owner, sender.clone())?;
                None
            }
            SessionRole::KeptService { fixture } => {
                Some(ServiceLease::new(registry.session_fixture(fixture).ok_or(io::ErrorKind::NotFound)?))
            }
        };
        let path = folder.path().to_owned();
        let ledger = Ledger::new(move || LedgerFile::create_of_server(&path).map_err(Error::from));
        let context = Context { config: config.clone(), ledger };
        Ok(Self {
            registry,
            build: build_id()?,
            messages,
            fixtures: Fixtures::new(context, sender, lost),
            recoveries: Recoveries::start(&folder, config.limits.teardown),
            folder,
            config,
            locks: Locks::default(),
            has_predecessor,
            keep_alives: Some(HashSet::new()),
            lease,
            is_run_over: false,
            finish: None,
            end,
        })
    }

    async fn run(mut self) -> io::Result<()> {
        loop {
            while !self.is_run_over || self.is_kept_alive() {
                self.process_next_event().await;
            }
            self.wait_for_processes().await;
            if !self.is_kept_alive() {
                break;
            }
        }
        self.keep_alives = None;
        if self.finish.is_none() && !is_alive(self.config.owner) {
            end_workers(&self.folder, self.config.limits.teardown).await;
        }
        self.end.recovered.problems.extend(self.fixtures.unwind().await);
        if self.has_predecessor {
            end_processes_of_servers(&self.folder).await;
        }
        self.remove().await?;
        self.answer_finish().await;
        Ok(())
    }

    fn is_kept_alive(&self) -> bool {
        self.keep_alives.as_ref().is_some_and(|clients| !clients.is_empty())
    }

    /// Waits for the next message, ended recovery, poll interval, or end of the time of a kept service, and handles it.
    async fn process_next_event(&mut self) {
        let expiry = self.lease.as_ref().filter(|_| !self.is_run_over).and_then(ServiceLease::expiry);
        let polls = self.is_run_over || self.fixtures.is_making() || self.recoveries.has_polled();
        tokio::select! {
            Some(message) = self.messages.recv() => self.receive(message),
            executed = self.recoveries.next(), if self.recoveries.is_any_running() => {
                if let Some((process, recovered)) = executed {
                    self.end.recovered.add(recovered);
                    self.release_locks_of(process);
                }
            }
            () = tokio::time::sleep(POLL_INTERVAL), if polls => {
                self.fixtures.give_up_blocked_setups();
                self.recoveries.poll();
            }
            () = tokio::time::sleep_until(expiry.unwrap_or_else(Instant::now).into()), if expiry.is_some() => {
                self.is_run_over = true;
            }
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::OwnerEnded => self.is_run_over = true,
            Message::Request(client, request, reply) => self.handle_request(client, request, reply),
            Message::Need(fixture, reply) => self.fixtures.fetch(fixture, reply),
            Message::Made(key, made) => self.answer_fetches(key, made),
            Message::Disconnected(client, end) => self.disconnect(client, end),
        }
    }

    fn handle_request(&mut self, client: Connection, request: Request, reply: oneshot::Sender<Reply>) {
        match request {
            Request::Fetch { build, fixture } => {
                let known = self.registry.session_fixture(fixture).filter(|_| build == self.build);
                match known {
                    Some(fixture) => self.fixtures.fetch(fixture, reply),
                    None => drop(reply.send(Reply::OtherBuild)),
                }
            }
            Request::Lease => self.recoveries.lease(client),
            Request::Watch { mark } => self.recoveries.watch(client, mark),
            // The request is refused, because this server does not know which locks the clients of an earlier server hold.
            Request::Lock { .. } if self.has_predecessor => {}
            Request::Lock { locks } => self.locks.request(client, locks, reply),
            Request::Keep => {
                if let Some(clients) = &mut self.keep_alives {
                    clients.insert(client);
                    let _ = reply.send(Reply::Granted);
                    self.answer_early();
                }
            }
            Request::AwaitRecovery { process } => self.recoveries.await_recovery(process, reply),
            Request::LeaseService { keep, after_kill } => {
                // There is no answer if the session is ending, and then the run waits for its end.
                if let Some(lease) = self.lease.as_mut().filter(|_| !self.is_run_over)
                    && let Some((fixture, reply)) = lease.request(client, (keep, after_kill), reply)
                {
                    self.fixtures.fetch(fixture, reply);
                }
            }
            Request::Finish if self.lease.as_ref().is_some_and(ServiceLease::is_leased) => {
                let _ = reply.send(Reply::InUse);
            }
            Request::Finish => {
                self.is_run_over = true;
                self.finish = Some((client, reply));
                self.answer_early();
            }
        }
    }

    /// Answers a request to end the session at once if the session is kept alive, so that the run itself can end.
    fn answer_early(&mut self) {
        if self.is_kept_alive()
            && let Some((_, reply)) = self.finish.take()
        {
            let _ = reply.send(Reply::Finished(std::mem::take(&mut self.end)));
        }
    }

    /// Answers all requests for a fixture whose setup has ended.
    fn answer_fetches(&mut self, key: u64, made: Result<Made, Caught>) {
        let reply = match made {
            Ok(Made { value, remark }) => {
                self.end.used.extend(remark);
                Reply::Value(value)
            }
            Err(Caught::Skip(reason)) => Reply::Skipped(reason),
            Err(Caught::Panic(problem)) => Reply::Failed(self.with_log(problem)),
        };
        if self.lease.is_some() && !matches!(reply, Reply::Value(_)) {
            // There is no service to keep.
            self.is_run_over = true;
        }
        self.fixtures.answer(key, reply);
    }

    /// Adds the end of the session's log to a problem, because the output of a fixture often says more than its error.
    fn with_log(&self, problem: Problem) -> Problem {
        match self.folder.end_of_log() {
            log if log.is_empty() => problem,
            log => {
                let output = log.replace('\n', "\n| ");
                Problem { message: format!("{}\nthe session's output:\n| {output}", problem.message), ..problem }
            }
        }
    }

    fn disconnect(&mut self, client: Connection, end: Disconnect) {
        if let Some(clients) = &mut self.keep_alives {
            clients.remove(&client);
        }
        if let Some(lease) = &mut self.lease {
            lease.release(client, end);
        }
        if self.finish.as_ref().is_some_and(|(finishing, _)| *finishing == client) {
            // The client no longer waits for the answer.
            self.finish = None;
        }
        self.recoveries.disconnect(client, end);
        match end {
            Disconnect::Released => self.locks.release(client),
            // The locks may protect the resources of the process, so these are given back before the locks are released.
            Disconnect::Lost if self.locks.orphan(client) => self.recoveries.recover(client.process),
            Disconnect::Lost => {}
        }
        self.release_locks_of(client.process);
    }

    /// Releases the locks of a process that has ended, once all its resources are given back.
    fn release_locks_of(&mut self, process: u32) {
        if !self.recoveries.is_running(process) {
            self.locks.release_all_of(process);
        }
    }

    /// Waits until the processes of the run have ended and given back their resources, up to a time limit.
    async fn wait_for_processes(&mut self) {
        let timeout = self.config.limits.teardown + RESPONSE_TIMEOUT;
        let began = Instant::now();
        while !self.is_kept_alive()
            && began.elapsed() < timeout
            && (self.fixtures.is_making() || self.recoveries.is_any_running() || self.has_running_process())
        {
            self.process_next_event().await;
        }
    }

    /// Whether a process of the run still runs that is watched or writes a ledger.
    fn has_running_process(&self) -> bool {
        self.recoveries.is_watching() || self.folder.ledgers().iter().any(LedgerFile::is_locked)
    }

    /// Executes all ledgers that are left, and removes the folder, unless the next run must try some entries again.
    ///
    /// If a process opens a ledger in the meantime, the server continues until that process has ended.
    async fn remove(&mut self) -> io::Result<()> {
        loop {
            if !self.recover_processes().await {
                // Some processes still run after they were killed. The folder is kept, and the next start sweeps it.
                return Ok(());
            }
            end_watched(&self.folder, self.config.limits.teardown).await;
            self.recoveries.recover_server();
            self.finish_recoveries().await;
            self.end.recovered.left = self.recoveries.unfinished();
            if self.end.recovered.left > 0 {
                return Ok(());
            }
            if !self.folder.is_retired() {
                // Afterwards no process can open this session. A process that needs one then creates another session.
                self.folder.retire()?;
                self.recoveries.set_folder(&self.folder);
                continue;
            }
            match self.folder.remove() {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                removed => return removed,
            }
        }
    }

    /// Gives back the resources of the processes of the run as they end. Kills processes that take too long. Returns whether all
    /// processes have ended.
    async fn recover_processes(&mut self) -> bool {
        let timeout = self.config.limits.teardown + RESPONSE_TIMEOUT;
        let began = Instant::now();
        loop {
            self.recoveries.recover_processes();
            self.finish_recoveries().await;
            if !self.has_running_process() {
                return true;
            }
            if began.elapsed() > timeout * 2 {
                return false;
            }
            if began.elapsed() > timeout {
                self.recoveries.kill_watched();
                for ledger in self.folder.ledgers().iter().filter(|ledger| ledger.is_locked()) {
                    kill_owner(ledger).await;
                }
            }
            self.process_next_event().await;
        }
    }

    async fn finish_recoveries(&mut self) {
        while self.recoveries.is_any_running() {
            self.process_next_event().await;
        }
    }

    async fn answer_finish(&mut self) {
        let Some((client, reply)) = self.finish.take() else { return };
        let _ = reply.send(Reply::Finished(std::mem::take(&mut self.end)));
        // The process must not end before the client has read the answer, because the connection would be closed.
        let _ = tokio::time::timeout(RESPONSE_TIMEOUT, async {
            while let Some(message) = self.messages.recv().await {
                if matches!(message, Message::Disconnected(disconnected, _) if disconnected == client) {
                    break;
                }
            }
        })
        .await;
    }
}
