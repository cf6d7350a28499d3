//! The session's server: keeps session fixtures, hands out locks, executes the ledgers of processes that have ended, and ends with
//! the run.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::UnixListener as Listener;
use tokio::sync::{mpsc, oneshot};

use super::build_id::build;
use super::client::SessionError;
use super::connection::accept;
use super::fixtures::Fixtures;
use super::folder::SessionFolder;
use super::ledger::LedgerFile;
use super::locks::Locks;
use super::message::{Connection, Context, Disconnect, Made, Message};
use super::recover::{end_processes_of_servers, end_workers, kill_owner};
use super::recoveries::Recoveries;
use super::signals::outlive_signals;
use super::watched::{Watched, end_watched};
use super::wire::{Reply, Request};
use crate::inject::{Caught, Error, Ledger, PanicOutput, Registry, harness_runtime, install_panic_hook};
use crate::model::{HarnessError, Problem, RESPONSE_TIMEOUT, SessionConfig, SessionEnd};
use crate::process::{adopt_orphans, identify, is_alive, kill_all_children, wait_for_end};

/// How often the server looks at what no message tells it: setups that block, and ledgers without a connection.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Runs this process as a session's server, to the session's end.
///
/// # Errors
///
/// When the process was not started as one, or the system has nothing left.
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
        begin().map_err(HarnessError::io("serve a session (its server is started by the harness, not by hand)"))?;
    install_panic_hook(PanicOutput::AtOnce);
    adopt_orphans();
    // Fixtures have another runtime, which they may block.
    #[cfg(feature = "tracing")]
    crate::process::show_trace(&config.log, crate::model::TraceScope::Threads);
    let served = runtime.block_on(async { Server::start(registry, folder, listener, config)?.run().await });
    // Daemons of fixtures, and what else is left.
    kill_all_children();
    served.map_err(HarnessError::io("serve the session"))?;
    drop(lock);
    Ok(())
}

/// A request to end the session, and where its answer goes.
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
    /// An earlier server of this session was killed.
    has_predecessor: bool,
    /// Clients that keep what failed tests have taken. `None`: it is too late to keep anything.
    keepers: Option<HashSet<Connection>>,
    /// The run is over.
    is_over: bool,
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
        // It ends with its run. What a signal asks of it before would cost the run's processes what only it gives back.
        outlive_signals()?;
        let mut end = SessionEnd::default();
        let has_predecessor = folder.server().is_some();
        let lost = has_predecessor.then(|| Problem::new(SessionError::died(&folder).chain()));
        end.recovered.problems.extend(lost.iter().map(|problem| problem.message.clone()));
        folder.set_server()?;
        let (sender, messages) = mpsc::unbounded_channel();
        tokio::spawn(accept(Listener::from_std(listener)?, sender.clone()));
        let (owner, over) = (config.owner, sender.clone());
        std::thread::Builder::new().name("itest-watch".to_owned()).spawn(move || {
            wait_for_end(owner);
            let _ = over.send(Message::OwnerEnded);
        })?;
        let path = folder.path().to_owned();
        let ledger = Ledger::new(move || LedgerFile::create_of_server(&path).map_err(Error::from));
        let context = Context { config: config.clone(), ledger };
        Ok(Self {
            registry,
            build: build()?,
            messages,
            fixtures: Fixtures::new(context, sender, lost),
            recoveries: Recoveries::start(&folder, config.limits.teardown),
            folder,
            config,
            locks: Locks::default(),
            has_predecessor,
            keepers: Some(HashSet::new()),
            is_over: false,
            finish: None,
            end,
        })
    }

    async fn run(mut self) -> io::Result<()> {
        loop {
            while !self.is_over || self.is_kept() {
                self.next().await;
            }
            self.wait_for_processes().await;
            if !self.is_kept() {
                break;
            }
        }
        self.keepers = None;
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

    fn is_kept(&self) -> bool {
        self.keepers.as_ref().is_some_and(|keepers| !keepers.is_empty())
    }

    /// Waits for the next thing that happens, and does what follows from it.
    async fn next(&mut self) {
        let polls = self.is_over || self.fixtures.is_making() || self.recoveries.has_polled();
        tokio::select! {
            Some(message) = self.messages.recv() => self.receive(message),
            executed = self.recoveries.next(), if self.recoveries.are_running() => {
                if let Some((process, recovered)) = executed {
                    self.end.recovered.add(recovered);
                    self.release_locks_of(process);
                }
            }
            () = tokio::time::sleep(POLL_INTERVAL), if polls => {
                self.fixtures.give_up_blocked_setups();
                self.recoveries.poll();
            }
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::OwnerEnded => self.is_over = true,
            Message::Request(client, request, reply) => self.serve(client, request, reply),
            Message::Need(fixture, reply) => self.fixtures.fetch(fixture, reply),
            Message::Made(key, made) => self.take(key, made),
            Message::Disconnected(client, end) => self.disconnect(client, end),
        }
    }

    fn serve(&mut self, client: Connection, request: Request, reply: oneshot::Sender<Reply>) {
        match request {
            Request::Fetch { build, fixture } => {
                let known = self.registry.session_fixture(fixture).filter(|_| build == self.build);
                match known {
                    Some(fixture) => self.fixtures.fetch(fixture, reply),
                    None => drop(reply.send(Reply::OtherBuild)),
                }
            }
            Request::Lease => self.recoveries.lease(client),
            Request::Watch { mark } => {
                let watched = Watched { mark, process: identify(client.process) };
                // Where that fails, it matters only if this server is killed, too.
                let _ = watched.note(&self.folder);
                self.recoveries.watch(client, watched.mark);
            }
            // It is unknown which locks the clients of an earlier server hold, so the request is refused.
            Request::Lock { .. } if self.has_predecessor => {}
            Request::Lock { locks } => self.locks.request(client, locks, reply),
            Request::Keep => {
                if let Some(keepers) = &mut self.keepers {
                    keepers.insert(client);
                    let _ = reply.send(Reply::Granted);
                    self.answer_early();
                }
            }
            Request::Settle { process } => self.recoveries.settle(process, reply),
            Request::Finish => {
                self.is_over = true;
                self.finish = Some((client, reply));
                self.answer_early();
            }
        }
    }

    /// A session that is kept does not keep the run that is over.
    fn answer_early(&mut self) {
        if self.is_kept()
            && let Some((_, reply)) = self.finish.take()
        {
            let _ = reply.send(Reply::Finished(std::mem::take(&mut self.end)));
        }
    }

    fn take(&mut self, key: u64, made: Result<Made, Caught>) {
        let reply = match made {
            Ok(Made { value, remark }) => {
                self.end.used.extend(remark);
                Reply::Value(value)
            }
            Err(Caught::Skip(reason)) => Reply::Skipped(reason),
            Err(Caught::Panic(problem)) => Reply::Failed(self.with_log(problem)),
        };
        self.fixtures.answer(key, reply);
    }

    /// What a fixture printed before it failed says more than its error.
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
        if let Some(keepers) = &mut self.keepers {
            keepers.remove(&client);
        }
        if self.finish.as_ref().is_some_and(|(finishing, _)| *finishing == client) {
            // It does not wait for the answer any more.
            self.finish = None;
        }
        self.recoveries.disconnect(client, end);
        match end {
            Disconnect::Released => self.locks.release(client),
            // What it took may be what its locks are about.
            Disconnect::Lost if self.locks.orphan(client) => self.recoveries.recover(client.process),
            Disconnect::Lost => {}
        }
        self.release_locks_of(client.process);
    }

    /// The locks of a process that has ended are free when everything is given back that it took.
    fn release_locks_of(&mut self, process: u32) {
        if !self.recoveries.is_running(process) {
            self.locks.release_all_of(process);
        }
    }

    /// The run's processes give back what they hold; those that take too long are given up.
    async fn wait_for_processes(&mut self) {
        let timeout = self.config.limits.teardown + RESPONSE_TIMEOUT;
        let began = Instant::now();
        while !self.is_kept()
            && began.elapsed() < timeout
            && (self.fixtures.is_making() || self.recoveries.are_running() || self.is_any_process_left())
        {
            self.next().await;
        }
    }

    /// Whether a process of the run lives that this server serves.
    fn is_any_process_left(&self) -> bool {
        self.recoveries.is_watching() || self.folder.ledgers().iter().any(LedgerFile::is_held)
    }

    /// Gives back what stands in any ledger that is left, and removes the folder unless the next run may do better.
    ///
    /// A process that opens a ledger meanwhile is served until it has ended.
    async fn remove(&mut self) -> io::Result<()> {
        loop {
            if !self.recover_processes().await {
                // They cannot even be killed: the next start finds the folder.
                return Ok(());
            }
            end_watched(&self.folder, self.config.limits.teardown).await;
            self.recoveries.recover_server();
            self.finish_recoveries().await;
            self.end.recovered.left = self.recoveries.left();
            if self.end.recovered.left > 0 {
                return Ok(());
            }
            if !self.folder.is_retired() {
                // Processes that look for the session from now on make another one.
                self.folder.retire()?;
                self.recoveries.follow(&self.folder);
                continue;
            }
            match self.folder.remove() {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                removed => return removed,
            }
        }
    }

    /// Gives back what processes took, as soon as they have ended; those that take too long are killed. Whether all have ended.
    async fn recover_processes(&mut self) -> bool {
        let timeout = self.config.limits.teardown + RESPONSE_TIMEOUT;
        let began = Instant::now();
        loop {
            self.recoveries.recover_processes();
            self.finish_recoveries().await;
            if !self.is_any_process_left() {
                return true;
            }
            if began.elapsed() > timeout * 2 {
                return false;
            }
            if began.elapsed() > timeout {
                self.recoveries.kill_watched();
                for ledger in self.folder.ledgers().iter().filter(|ledger| ledger.is_held()) {
                    kill_owner(ledger).await;
                }
            }
            self.next().await;
        }
    }

    async fn finish_recoveries(&mut self) {
        while self.recoveries.are_running() {
            self.next().await;
        }
    }

    async fn answer_finish(&mut self) {
        let Some((client, reply)) = self.finish.take() else { return };
        let _ = reply.send(Reply::Finished(std::mem::take(&mut self.end)));
        // Until the client has read the answer: with this process the connection ends.
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
