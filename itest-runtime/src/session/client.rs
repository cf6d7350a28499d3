//! A client of the session: starts its server when something needs it, and sends it requests.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::net::UnixStream as Connection;

use super::build::build;
use super::folder::{SessionFolder, Unserved};
use super::guards::{Keeping, LockGuard, Watch};
use super::ledger::LedgerFile;
use super::recover::recover_session;
use super::wire::{Reply, Request, receive, send, send_now};
use crate::inject::{Caught, FixtureDescriptor};
use crate::model::{Lock, Mark, Problem, RESPONSE_TIMEOUT, RecoveryResult, SessionAddress, SessionConfig, SessionEnd};
use crate::process::{SESSION_MARK, WORKER_MARK, ignore_requests_to_end, own_binary};

/// What is said of a server that lives, and does not end the session.
const NO_ANSWER: &str = "the session server does not answer; `--sweep` gives back what it has not";

/// The pause before another attempt at a session that another process makes or ends.
const RETRY_PAUSE: Duration = Duration::from_millis(2);

/// So often a request is sent again to another server, when the one before has died over it.
const MAX_REQUESTS: u32 = 3;

/// A server that has not answered for so long may have been stopped.
const STOP_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What makes a process a session's server; its folder follows.
pub(crate) const SESSION_FLAG: &str = "--itest-session";

/// Why the session cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SessionError {
    /// There is no place for it, or no process.
    #[error("the session server cannot be started")]
    CannotStart {
        /// Why.
        source: io::Error,
    },
    /// It was there, and is not any more.
    #[error("the session server died{log}")]
    Died {
        /// Its last words.
        log: String,
    },
    /// The binary was replaced during the run.
    #[error("the session server is of another build; the test binary was replaced while it ran: run it again")]
    OtherBuild,
    /// This process's ledger cannot be made.
    #[error("the ledger cannot be opened")]
    Ledger {
        /// Why.
        source: io::Error,
    },
}

impl SessionError {
    pub(super) fn died(folder: &SessionFolder) -> Self {
        let log = match folder.end_of_log() {
            log if log.is_empty() => ", and it wrote nothing before".to_owned(),
            log => format!("; the end of its log:\n{log}"),
        };
        Self::Died { log }
    }

    /// The error and its cause, for a test's report.
    #[must_use]
    pub(crate) fn chain(&self) -> String {
        std::error::Error::source(self).map_or_else(|| self.to_string(), |cause| format!("{self}: {cause}"))
    }

    fn caught(&self) -> Caught {
        Caught::Panic(Problem::new(self.chain()))
    }
}

/// This process's access to the session of its run.
#[derive(Debug)]
pub(crate) struct SessionClient {
    address: SessionAddress,
    config: SessionConfig,
    mark: Option<Mark>,
    state: Mutex<State>,
    /// How often the footprint has changed.
    changes: AtomicU32,
}

#[derive(Debug, Default)]
struct State {
    /// Open for as long as this process keeps a ledger.
    lease: Option<UnixStream>,
    ledger: Option<RawFd>,
    /// The server, if this process started it.
    server: Option<u32>,
}

/// What a process has because of the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Descriptors that stay open.
    pub descriptors: Vec<RawFd>,
    /// The session's server, if it is a child of this process.
    pub server: Option<u32>,
}

impl SessionClient {
    /// A client of the session at an address; nothing is started yet.
    ///
    /// The mark is the variable, and its value, that everything started by this process inherits.
    #[must_use]
    pub(crate) fn new(address: SessionAddress, config: SessionConfig, mark: Option<Mark>) -> Self {
        Self { address, config, mark, state: Mutex::default(), changes: AtomicU32::new(0) }
    }

    /// What this process has because of the session, and not because of a test.
    #[must_use]
    pub(crate) fn footprint(&self) -> Footprint {
        let state = self.lock_state();
        let descriptors = state.lease.iter().map(AsRawFd::as_raw_fd).chain(state.ledger).collect();
        Footprint { descriptors, server: state.server }
    }

    /// How often that has changed: cheaper to ask after every test.
    #[must_use]
    pub(crate) fn footprint_changes(&self) -> u32 {
        self.changes.load(Ordering::Acquire)
    }

    /// Makes this process's ledger and tells the server of it.
    ///
    /// # Errors
    ///
    /// When there is no server to be had, or no file.
    pub(crate) fn open_ledger(&self) -> Result<File, SessionError> {
        for _ in 0..MAX_REQUESTS {
            let (folder, connection) = self.connect()?;
            let file = match LedgerFile::create(folder.path(), self.mark.as_ref()) {
                Ok(file) => file,
                // The session has ended since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(SessionError::Ledger { source }),
            };
            // A server that does not get this finds the ledger all the same.
            let _ = send_now(&connection, &Request::Lease);
            let mut state = self.lock_state();
            state.lease = Some(connection);
            state.ledger = Some(file.as_raw_fd());
            drop(state);
            self.changes.fetch_add(1, Ordering::Release);
            return Ok(file);
        }
        let source = io::Error::new(io::ErrorKind::NotFound, "the session ends again and again");
        Err(SessionError::Ledger { source })
    }

    /// The value of a session fixture, which is made on the first request.
    ///
    /// # Errors
    ///
    /// What went wrong with its setup, or with the server.
    ///
    /// # Cancel safety
    ///
    /// The setup goes on for others; a later call is given its value.
    pub(crate) async fn fetch(&self, fixture: &FixtureDescriptor) -> Result<String, Caught> {
        let build = build().map_err(|source| SessionError::CannotStart { source }.caught())?;
        let request = Request::Fetch { build, fixture: fixture.key() };
        match self.request(&request).await.map_err(|error| error.caught())?.0 {
            Reply::Value(value) => Ok(value),
            Reply::Failed(problem) => Err(Caught::Panic(problem)),
            Reply::Skipped(reason) => Err(Caught::Skip(reason)),
            Reply::OtherBuild | Reply::Granted | Reply::Finished(_) => Err(SessionError::OtherBuild.caught()),
        }
    }

    /// Waits for locks that other processes of the run may hold.
    ///
    /// # Errors
    ///
    /// When there is no server to be had.
    ///
    /// # Cancel safety
    ///
    /// Nothing is held.
    pub(crate) async fn lock(&self, locks: Vec<Lock>) -> Result<LockGuard, Caught> {
        let (_, connection) = self.request(&Request::Lock { locks }).await.map_err(|error| error.caught())?;
        Ok(LockGuard { connection })
    }

    /// Keeps the session, also beyond the end of its run, for as long as what this returns is there.
    ///
    /// # Errors
    ///
    /// When there is no server to be had, or no file.
    pub(crate) async fn keep(&self) -> Result<Keeping, SessionError> {
        let (_, connection) = self.request(&Request::Keep).await?;
        let folder = SessionFolder::find(&self.address).ok_or_else(|| SessionError::Ledger {
            source: io::Error::new(io::ErrorKind::NotFound, "the session has ended"),
        })?;
        let log = folder.open_log().map_err(|source| SessionError::Ledger { source })?;
        Ok(Keeping { log, connection })
    }

    /// Waits until everything is given back that a process of the run took which has ended.
    ///
    /// # Cancel safety
    ///
    /// It is given back all the same.
    pub(crate) async fn settle(&self, process: u32) {
        if SessionFolder::find(&self.address).is_some() {
            // Where there is no server to be had, nothing is given back now, and the end of the session tells why.
            let _ = self.request(&Request::Settle { process }).await;
        }
    }

    /// Lets the server end everything that bears the mark of this process, when this process ends without having released it. `None`:
    /// there is no mark, or no server to be had.
    pub(crate) fn watch(&self) -> Option<Watch> {
        let mark = self.mark.clone()?;
        let (_, connection) = self.connect().ok()?;
        send_now(&connection, &Request::Watch { mark }).ok()?;
        Some(Watch { connection: Some(connection) })
    }

    /// Sees to it that the session has a server that runs, if there is a session: its server may have been killed or stopped.
    pub(crate) fn restore(&self) {
        let Some(folder) = SessionFolder::find(&self.address) else { return };
        // Where that fails, the next process of the run tries, or the next start.
        match folder.take_over() {
            Ok(Some(unserved)) => drop(self.start_server(unserved)),
            Ok(None) => folder.continue_server(),
            Err(_) => {}
        }
    }

    /// Ends the session, if there is one, and waits until everything is given back. No other process of the run may be left
    /// that would start it.
    pub(crate) async fn finish(&self) -> SessionEnd {
        SessionFolder::remove_drafts(&self.address);
        for _ in 0..MAX_REQUESTS {
            let Some(folder) = SessionFolder::find(&self.address) else { return self.finish_retired().await };
            if let Ok((folder, connection)) = self.connect()
                && let Ok((Reply::Finished(end), _)) = exchange(connection, &Request::Finish, &folder).await
            {
                return end;
            }
            // Where no server can be started any more, this process does what it can.
            if let Ok(Some(_lock)) = folder.try_lock() {
                let mut recovered = recover_session(&folder).await;
                recovered.problems.insert(0, SessionError::died(&folder).chain());
                return SessionEnd { recovered, used: Vec::new() };
            }
        }
        let problems = vec![NO_ANSWER.to_owned()];
        SessionEnd { recovered: RecoveryResult { problems, ..RecoveryResult::default() }, used: Vec::new() }
    }

    /// Ends the session where no process finds its folder: nothing is left, unless the server was killed after it had retired the folder.
    async fn finish_retired(&self) -> SessionEnd {
        let mut end = SessionEnd::default();
        for folder in SessionFolder::retired(&self.address) {
            let began = Instant::now();
            // A server that lives, or was killed a moment ago, has the lock. The first removes the folder by itself.
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

    /// Whether anyone has started the session, or died over that.
    #[must_use]
    pub(crate) fn is_started(&self) -> bool {
        !SessionFolder::traces(&self.address).is_empty()
    }

    /// The answer to a request, and the connection that it came on. A server that dies over it is replaced, and asked again.
    async fn request(&self, request: &Request) -> Result<(Reply, Connection), SessionError> {
        for _ in 1..MAX_REQUESTS {
            let (folder, connection) = self.connect()?;
            if let Ok(answered) = exchange(connection, request, &folder).await {
                return Ok(answered);
            }
        }
        let (folder, connection) = self.connect()?;
        exchange(connection, request, &folder).await.map_err(|_| SessionError::died(&folder))
    }

    /// A connection to the server, which is started if there is none.
    fn connect(&self) -> Result<(SessionFolder, UnixStream), SessionError> {
        let began = Instant::now();
        loop {
            let unserved = match SessionFolder::find(&self.address) {
                None => SessionFolder::create(&self.address, &self.config),
                Some(folder) => match folder.connect() {
                    Ok(connection) => return Ok((folder, connection)),
                    Err(_) => folder.take_over(),
                },
            };
            match unserved {
                Ok(Some(unserved)) => self.start_server(unserved)?,
                // Another process makes the session, ends it, or sweeps it.
                Ok(None) if began.elapsed() < RESPONSE_TIMEOUT => std::thread::sleep(RETRY_PAUSE),
                Ok(None) => return Err(SessionError::CannotStart { source: io::ErrorKind::TimedOut.into() }),
                Err(source) => return Err(SessionError::CannotStart { source }),
            }
        }
    }

    /// The server is given its listening socket as stdin and its lock as stdout: from the moment the folder is there, it can be
    /// connected to, and its lock is never free.
    fn start_server(&self, unserved: Unserved) -> Result<(), SessionError> {
        let Unserved { folder, lock, listener } = unserved;
        let spawn = || {
            let mut command = Command::new(own_binary()?);
            command.arg0("itest-session").arg(SESSION_FLAG).arg(folder.path()).env(SESSION_MARK, folder.name());
            for variable in [Some(WORKER_MARK), self.mark.as_ref().map(|mark| mark.name.as_str())].into_iter().flatten()
            {
                command.env_remove(variable);
            }
            ignore_requests_to_end(&mut command)
                .stdin(Stdio::from(listener.as_fd().try_clone_to_owned()?))
                .stdout(Stdio::from(OwnedFd::from(lock.try_clone()?)))
                .stderr(Stdio::from(folder.open_log()?))
                // From its first moment, because this process may be killed with its group in the next; and Ctrl-C is not for it.
                .process_group(0)
                .spawn()
        };
        match spawn() {
            Ok(child) => {
                // Where that fails, only a server that is stopped in its first moment is not continued.
                let _ = folder.set_started(child.id());
                self.lock_state().server = Some(child.id());
                self.changes.fetch_add(1, Ordering::Release);
                Ok(())
            }
            Err(source) => {
                // It is removed only if nothing stands in it.
                let _ = folder.remove();
                Err(SessionError::CannotStart { source })
            }
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a request, and waits for the answer for as long as the server lives. A server that was stopped is continued.
async fn exchange(
    connection: UnixStream,
    request: &Request,
    folder: &SessionFolder,
) -> io::Result<(Reply, Connection)> {
    connection.set_nonblocking(true)?;
    let mut connection = Connection::from_std(connection)?;
    send(&mut connection, request).await?;
    let reply = {
        let receiving = receive(&mut connection);
        tokio::pin!(receiving);
        loop {
            match tokio::time::timeout(STOP_CHECK_INTERVAL, &mut receiving).await {
                Ok(reply) => break reply?,
                Err(_) => folder.continue_server(),
            }
        }
    };
    Ok((reply, connection))
}
