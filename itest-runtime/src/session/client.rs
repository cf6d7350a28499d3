//! A client of the session. It starts the session server when the server is first needed, and sends requests to it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UnixStream as Connection;

use super::build_id::build_id;
use super::error::SessionError;
use super::folder::{SessionFolder, UnservedSession};
use super::guards::{KeepAlive, LockGuard, ProcessWatch};
use super::ledger::LedgerFile;
use super::recover::recover_session;
use super::request::request_reply;
use super::watched::WatchedProcess;
use super::wire::{Reply, Request, send_blocking};
use crate::inject::{Caught, FixtureDescriptor, given_fixture_settings};
use crate::model::{Lock, Mark, RESPONSE_TIMEOUT, RecoveryResult, SessionAddress, SessionConfig, SessionEnd};
use crate::process::{
    SESSION_MARK, WORKER_MARK, defer_termination, ignore_termination_signals, own_binary, own_identity,
};

/// The problem that is reported if the session server runs but does not end the session in time.
const NO_ANSWER: &str = "the session server does not answer; run with `--sweep` to give back what it still holds";

/// The pause between two attempts to connect to a session that another process is creating or removing.
const RETRY_PAUSE: Duration = Duration::from_millis(2);

/// The most times that a request is sent. It is sent again, to a new server, if a server dies before it has answered.
const MAX_REQUESTS: u32 = 3;

/// The argument that makes a process a session server. The path of the session's folder follows.
pub(crate) const SESSION_FLAG: &str = "--itest-session";

/// The access of this process to the session of its run.
#[derive(Debug)]
pub(crate) struct SessionClient {
    address: SessionAddress,
    config: SessionConfig,
    mark: Option<Mark>,
    state: Mutex<State>,
    /// The number of changes of the footprint.
    changes: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    /// The connection of the ledger's lease. It is open as long as this process writes the ledger.
    lease: Option<UnixStream>,
    ledger: Option<RawFd>,
    /// The session server, if this process started it.
    server: Option<u32>,
}

/// The resources of a process that belong to the session, and are therefore not leaks of a test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// The descriptors that stay open.
    pub descriptors: Vec<RawFd>,
    /// The session server, if it is a child of this process.
    pub server: Option<u32>,
}

impl SessionClient {
    /// A client of the session at an address. This does not start the session server.
    ///
    /// `mark` is the mark that all descendants of this process inherit.
    #[must_use]
    pub(crate) fn new(address: SessionAddress, config: SessionConfig, mark: Option<Mark>) -> Self {
        Self { address, config, mark, state: Mutex::default(), changes: AtomicU32::new(0) }
    }

    /// The resources of this process that belong to the session.
    #[must_use]
    pub(crate) fn footprint(&self) -> Footprint {
        let state = self.lock_state();
        let descriptors = state.lease.iter().map(AsRawFd::as_raw_fd).chain(state.ledger).collect();
        Footprint { descriptors, server: state.server }
    }

    /// The number of changes of the footprint. Reading it after every test is cheaper than comparing footprints.
    #[must_use]
    pub(crate) fn footprint_changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Creates the ledger of this process and tells the session server about it.
    ///
    /// # Errors
    ///
    /// When the server cannot be started, or the file cannot be created.
    pub(crate) fn open_ledger(&self) -> Result<File, SessionError> {
        for _ in 0..MAX_REQUESTS {
            let (folder, connection) = self.connect()?;
            let file = match LedgerFile::create(folder.path(), self.mark.as_ref()) {
                Ok(file) => file,
                // The session has ended in the meantime, so that a new one must be created.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(SessionError::Ledger { source }),
            };
            // An error is ignored, because a server also executes ledgers that it finds in the folder.
            let _ = send_blocking(&connection, &Request::Lease);
            let mut state = self.lock_state();
            state.lease = Some(connection);
            state.ledger = Some(file.as_raw_fd());
            drop(state);
            self.changes.fetch_add(1, Ordering::Release);
            return Ok(file);
        }
        let source = io::Error::new(io::ErrorKind::NotFound, "each session ended before the ledger was created");
        Err(SessionError::Ledger { source })
    }

    /// Fetches the value of a session fixture. The server sets the fixture up at the first request.
    ///
    /// # Errors
    ///
    /// The error of the fixture's setup or of the server.
    ///
    /// # Cancel safety
    ///
    /// The setup continues. A later call returns its value.
    pub(crate) async fn fetch(&self, fixture: &FixtureDescriptor) -> Result<String, Caught> {
        let build = build_id().map_err(|source| SessionError::CannotStart { source }.caught())?;
        let request = Request::Fetch { build, fixture: fixture.key() };
        match self.request(&request).await.map_err(|error| error.caught())?.0 {
            Reply::Value(value) => Ok(value),
            Reply::Failed(problem) => Err(Caught::Panic(problem)),
            Reply::Skipped(reason) => Err(Caught::Skip(reason)),
            Reply::OtherBuild | Reply::Granted | Reply::InUse | Reply::Finished(_) => {
                Err(SessionError::OtherBuild.caught())
            }
        }
    }

    /// Acquires locks, and waits as long as other processes of the run hold them.
    ///
    /// # Errors
    ///
    /// When the server cannot be started, or dies.
    ///
    /// # Cancel safety
    ///
    /// No lock is held after a cancelled call.
    pub(crate) async fn lock(&self, locks: Vec<Lock>) -> Result<LockGuard, Caught> {
        let (_, connection) = self.request(&Request::Lock { locks }).await.map_err(|error| error.caught())?;
        Ok(LockGuard { connection })
    }

    /// Keeps the session alive as long as the returned guard exists, even after the end of the run.
    ///
    /// # Errors
    ///
    /// When the server cannot be started, or its log cannot be opened.
    pub(crate) async fn keep(&self) -> Result<KeepAlive, SessionError> {
        let (_, connection) = self.request(&Request::Keep).await?;
        let folder = SessionFolder::find(&self.address).ok_or_else(|| SessionError::Ledger {
            source: io::Error::new(io::ErrorKind::NotFound, "the session has ended"),
        })?;
        let log = folder.open_log().map_err(|source| SessionError::Ledger { source })?;
        Ok(KeepAlive { log, connection })
    }

    /// Waits until the server has given back all resources of a process of the run that has ended.
    ///
    /// # Cancel safety
    ///
    /// The recovery continues after a cancelled call.
    pub(crate) async fn await_recovery(&self, process: u32) {
        if SessionFolder::find(&self.address).is_some() {
            // An error is ignored here. If the server cannot be started, the end of the session reports the reason.
            let _ = self.request(&Request::AwaitRecovery { process }).await;
        }
    }

    /// Makes the server kill all processes with the mark of this process when this process ends without releasing the watch.
    /// `None` if there is no mark, or if the server cannot be started.
    ///
    /// Afterwards this process is in the session's list, so that its descendants are killed even if the server dies before it
    /// has read the request.
    pub(crate) fn watch(&self) -> Option<ProcessWatch> {
        let mark = self.mark.clone()?;
        let watched = WatchedProcess { mark: mark.clone(), process: own_identity() };
        for _ in 0..MAX_REQUESTS {
            let (folder, connection) = self.connect().ok()?;
            match watched.append_to(&folder) {
                // The session has ended in the meantime, so that a new one must be created.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // An error is ignored, because the list is needed only if the server dies too.
                Ok(()) | Err(_) => {}
            }
            send_blocking(&connection, &Request::Watch { mark }).ok()?;
            return Some(ProcessWatch { connection: Some(connection) });
        }
        None
    }

    /// If there is a session, ensures that its server runs. The server may have been killed, or stopped by a signal.
    pub(crate) fn ensure_server(&self) {
        let Some(folder) = SessionFolder::find(&self.address) else { return };
        // An error is ignored, because the next process of the run or the next start tries again.
        match folder.take_over() {
            Ok(Some(unserved)) => drop(self.start_server(unserved)),
            Ok(None) => folder.continue_server(),
            Err(_) => {}
        }
    }

    /// Ends the session, if there is one, and waits until everything is given back. All other processes of the run must have
    /// ended, because they could start the session again.
    pub(crate) async fn finish(&self) -> SessionEnd {
        SessionFolder::remove_drafts(&self.address);
        for _ in 0..MAX_REQUESTS {
            let Some(folder) = SessionFolder::find(&self.address) else { return self.finish_retired().await };
            if let Ok((folder, connection)) = self.connect()
                && let Ok((Reply::Finished(end), _)) = request_reply(connection, &Request::Finish, &folder).await
            {
                return end;
            }
            // If no server can be started any more, this process recovers the session itself.
            if let Ok(Some(_lock)) = folder.try_lock() {
                let mut recovered = recover_session(&folder).await;
                recovered.problems.insert(0, SessionError::died(&folder).chain());
                return SessionEnd { recovered, used: Vec::new() };
            }
        }
        let problems = vec![NO_ANSWER.to_owned()];
        SessionEnd { recovered: RecoveryResult { problems, ..RecoveryResult::default() }, used: Vec::new() }
    }

    /// Ends a session whose folder is retired or gone. Something is left to do only if the server was killed after it had retired
    /// the folder.
    async fn finish_retired(&self) -> SessionEnd {
        let mut end = SessionEnd::default();
        for folder in SessionFolder::retired(&self.address) {
            let began = Instant::now();
            // A server that runs still holds the lock and removes the folder itself. A server that was killed a moment ago may
            // also still hold the lock.
            while folder.path().is_dir() && began.elapsed() < RESPONSE_TIMEOUT {
                if let Ok(Some(_lock)) = folder.try_lock() {
                    end.recovered.problems.push(SessionError::died(&folder).chain());
                    end.recovered.add(recover_session(&folder).await);
                    return end;
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            if folder.path().is_dir() {
                end.recovered.problems.push(NO_ANSWER.to_owned());
            }
        }
        end
    }

    /// Whether a process has started the session, or has begun to create it.
    #[must_use]
    pub(crate) fn is_started(&self) -> bool {
        !SessionFolder::with_drafts(&self.address).is_empty()
    }

    /// Sends a request and returns the answer with its connection. If the server dies before it answers, the request is sent again
    /// to a new server.
    async fn request(&self, request: &Request) -> Result<(Reply, Connection), SessionError> {
        for _ in 1..MAX_REQUESTS {
            let (folder, connection) = self.connect()?;
            if let Ok(answered) = request_reply(connection, request, &folder).await {
                return Ok(answered);
            }
        }
        let (folder, connection) = self.connect()?;
        request_reply(connection, request, &folder).await.map_err(|_| SessionError::died(&folder))
    }

    /// Connects to the server, and starts it if necessary.
    fn connect(&self) -> Result<(SessionFolder, UnixStream), SessionError> {
        let began = Instant::now();
        loop {
            if let Some(folder) = SessionFolder::find(&self.address)
                && let Ok(connection) = folder.connect()
            {
                return Ok((folder, connection));
            }
            // If a signal ended all processes of the run in between, the folder would stay, because no server would remove it.
            let is_started = defer_termination(|| self.start())?;
            if !is_started {
                // Another process is creating, ending or sweeping the session.
                if began.elapsed() >= RESPONSE_TIMEOUT {
                    return Err(SessionError::CannotStart { source: io::ErrorKind::TimedOut.into() });
                }
                std::thread::sleep(RETRY_PAUSE);
            }
        }
    }

    /// Creates the session, or takes it over from a dead server, and starts a server for it. Returns whether this process did so.
    fn start(&self) -> Result<bool, SessionError> {
        match SessionFolder::find(&self.address) {
            None => self.create().map(|server| server.is_some()),
            Some(folder) => self.serve(folder.take_over()).map(|server| server.is_some()),
        }
    }

    /// Creates the session and starts its server. Returns the server's pid, or `None` if another process has created the session first.
    pub(super) fn create(&self) -> Result<Option<u32>, SessionError> {
        self.serve(SessionFolder::create(&self.address, &self.config))
    }

    fn serve(&self, unserved: io::Result<Option<UnservedSession>>) -> Result<Option<u32>, SessionError> {
        let unserved = unserved.map_err(|source| SessionError::CannotStart { source })?;
        unserved.map(|unserved| self.start_server(unserved)).transpose()
    }

    /// Starts the session server. It receives its listening socket as stdin and its lock as stdout, so that clients can connect,
    /// and the lock is held, from the moment at which the folder exists. Returns the server's pid.
    fn start_server(&self, session: UnservedSession) -> Result<u32, SessionError> {
        let UnservedSession { folder, lock, listener } = session;
        let spawn = || {
            let mut command = Command::new(own_binary()?);
            command
                .arg0("itest-session")
                .arg(SESSION_FLAG)
                .arg(folder.path())
                .env(SESSION_MARK, folder.mark_of_fixtures());
            command.envs(given_fixture_settings());
            for variable in [Some(WORKER_MARK), self.mark.as_ref().map(|mark| mark.name.as_str())].into_iter().flatten()
            {
                command.env_remove(variable);
            }
            ignore_termination_signals(&mut command)
                .stdin(Stdio::from(listener.as_fd().try_clone_to_owned()?))
                .stdout(Stdio::from(OwnedFd::from(lock.try_clone()?)))
                .stderr(Stdio::from(folder.open_log()?))
                // The server gets its own group at the start, because the group of this process may be killed at any time, and
                // because Ctrl-C must not reach the server.
                .process_group(0)
                .spawn()
        };
        match spawn() {
            Ok(child) => {
                // An error is ignored. It matters only if a signal stops the server before it begins to serve, because clients
                // then cannot continue it.
                let _ = folder.set_started(child.id());
                self.lock_state().server = Some(child.id());
                self.changes.fetch_add(1, Ordering::Release);
                Ok(child.id())
            }
            Err(source) => {
                // The folder is removed only if it contains no ledger.
                let _ = folder.remove();
                Err(SessionError::CannotStart { source })
            }
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::{address, create};
    use super::*;

    /// The server may be killed together with this process before it has read a request.
    #[test]
    fn watched_process_is_in_the_list_before_a_server_has_read_the_request() {
        let root = tempfile::tempdir().unwrap();
        let address = address(root.path());
        let unserved = create(&address);
        let mark = Mark::new("ITEST_MARK_TEST", "list");
        let client = SessionClient::new(address, unserved.folder.config().unwrap(), Some(mark.clone()));
        let watch = client.watch().unwrap();
        assert_eq!(WatchedProcess::all(&unserved.folder), [WatchedProcess { mark, process: own_identity() }]);
        drop((watch, unserved));
    }
}
