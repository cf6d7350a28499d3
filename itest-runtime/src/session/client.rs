//! A client of the session: starts its server when something needs it, and asks it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;
use tokio::net::UnixStream as Asking;

use super::build::build;
use super::folder::{NewSession, SessionFolder};
use super::recover::recover_session;
use super::wire::{Reply, Request, receive, send, send_now};
use crate::inject::{Caught, FixtureDescriptor};
use crate::model::{LEDGER_VERSION, LedgerLine, Lock, Problem, SessionAddress, SessionConfig, SessionEnd};
use crate::process::{WORKER_MARK, own_binary, own_identity};

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
    fn died(folder: &SessionFolder) -> Self {
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
    mark: Option<(String, String)>,
    state: Mutex<State>,
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

/// A session that is kept.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// Where to write to from now on.
    pub log: File,
    _connection: Asking,
}

/// Locks of this process's test; dropped, they are free again.
#[derive(Debug)]
pub(crate) struct LockGuard {
    _connection: Asking,
}

impl SessionClient {
    /// A client of the session at an address; nothing is started yet.
    ///
    /// The mark is the variable, and its value, that everything started by this process inherits.
    #[must_use]
    pub(crate) fn new(address: SessionAddress, config: SessionConfig, mark: Option<(String, String)>) -> Self {
        Self { address, config, mark, state: Mutex::default() }
    }

    /// What this process has because of the session, and not because of a test.
    #[must_use]
    pub(crate) fn footprint(&self) -> Footprint {
        let state = self.lock_state();
        let descriptors = state.lease.iter().map(AsRawFd::as_raw_fd).chain(state.ledger).collect();
        Footprint { descriptors, server: state.server }
    }

    /// Makes this process's ledger and tells the server of it.
    ///
    /// # Errors
    ///
    /// When there is no server to be had, or no file.
    pub(crate) fn open_ledger(&self) -> Result<File, SessionError> {
        let (folder, connection) = self.connect()?;
        let own = own_identity();
        let name = format!("{}-{}", own.pid, own.start);
        let file = self.write_head(&folder, &name).map_err(|source| SessionError::Ledger { source })?;
        send_now(&connection, &Request::Lease { ledger: name }).map_err(|_| SessionError::died(&folder))?;
        let mut state = self.lock_state();
        state.lease = Some(connection);
        state.ledger = Some(file.as_raw_fd());
        drop(state);
        Ok(file)
    }

    /// Only the dead's ledgers are executed: a living process holds the lock of its own.
    fn write_head(&self, folder: &SessionFolder, name: &str) -> io::Result<File> {
        let mut file = folder.open_ledger(name)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let head = LedgerLine::Ledger { version: LEDGER_VERSION, mark: self.mark.clone() }.encode()?;
        io::Write::write_all(&mut file, head.as_bytes())?;
        Ok(file)
    }

    /// The value of a session fixture; it is made if nobody has asked for it before.
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
        let (folder, connection) = self.connect().map_err(|error| error.caught())?;
        let asked = ask(connection, &Request::Fetch { build, fixture: fixture.key() }).await;
        match asked {
            Ok((Reply::Value(value), _)) => Ok(value),
            Ok((Reply::Failed(problem), _)) => Err(Caught::Panic(problem)),
            Ok((Reply::Skipped(reason), _)) => Err(Caught::Skip(reason)),
            Ok((Reply::OtherBuild, _)) => Err(SessionError::OtherBuild.caught()),
            Ok(_) | Err(_) => Err(SessionError::died(&folder).caught()),
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
    /// Whoever gives up waiting holds nothing.
    pub(crate) async fn lock(&self, locks: Vec<Lock>) -> Result<LockGuard, Caught> {
        let (folder, connection) = self.connect().map_err(|error| error.caught())?;
        match ask(connection, &Request::Lock { locks }).await {
            Ok((Reply::Granted, connection)) => Ok(LockGuard { _connection: connection }),
            Ok(_) | Err(_) => Err(SessionError::died(&folder).caught()),
        }
    }

    /// Keeps the session, also beyond the end of its run, for as long as what this returns is there.
    ///
    /// # Errors
    ///
    /// When there is no server to be had, or no file.
    pub(crate) async fn keep(&self) -> Result<Keeping, SessionError> {
        let (folder, connection) = self.connect()?;
        let Ok((Reply::Granted, connection)) = ask(connection, &Request::Keep).await else {
            return Err(SessionError::died(&folder));
        };
        let log = folder.open_log().map_err(|source| SessionError::Ledger { source })?;
        Ok(Keeping { log, _connection: connection })
    }

    /// Ends the session, if there is one, and waits until everything is given back. No other process of the run may be left
    /// that would start it.
    pub(crate) async fn finish(&self) -> SessionEnd {
        SessionFolder::remove_drafts(&self.address);
        let Some(folder) = SessionFolder::find(&self.address) else { return SessionEnd::default() };
        let asked = match folder.connect() {
            Ok(connection) => ask(connection, &Request::Finish).await,
            Err(error) => Err(error),
        };
        if let Ok((Reply::Finished(end), _)) = asked {
            return end;
        }
        // It has ended by itself if its folder is gone.
        if !folder.path().is_dir() {
            return SessionEnd::default();
        }
        let died = SessionError::died(&folder).chain();
        let mut recovered = recover_session(&folder).await;
        recovered.problems.insert(0, died);
        SessionEnd { recovered, used: Vec::new() }
    }

    /// Whether anyone has started the session, or died over that.
    #[must_use]
    pub(crate) fn is_started(&self) -> bool {
        !SessionFolder::traces(&self.address).is_empty()
    }

    /// A connection to the server, which is started if there is none.
    fn connect(&self) -> Result<(SessionFolder, UnixStream), SessionError> {
        loop {
            if let Some(folder) = SessionFolder::find(&self.address) {
                match folder.connect() {
                    Ok(connection) => return Ok((folder, connection)),
                    // Its end was quicker: a new one is started.
                    Err(_) if !folder.path().is_dir() => {}
                    Err(_) => return Err(SessionError::died(&folder)),
                }
            }
            let made = SessionFolder::create(&self.address, &self.config);
            if let Some(new) = made.map_err(|source| SessionError::CannotStart { source })? {
                self.start_server(new)?;
            }
        }
    }

    /// The server is given its listening socket as stdin and its lock as stdout: from the moment the folder is there, it can be
    /// connected to, and its lock is never free.
    fn start_server(&self, new: NewSession) -> Result<(), SessionError> {
        let NewSession { folder, lock, listener } = new;
        let spawn = || {
            let mut command = Command::new(own_binary()?);
            command.arg0("itest-session").arg(SESSION_FLAG).arg(folder.path());
            for variable in [Some(WORKER_MARK), self.mark.as_ref().map(|(name, _)| name.as_str())].into_iter().flatten()
            {
                command.env_remove(variable);
            }
            command
                .stdin(Stdio::from(listener.as_fd().try_clone_to_owned()?))
                .stdout(Stdio::from(OwnedFd::from(lock.try_clone()?)))
                .stderr(Stdio::from(folder.open_log()?))
                // From its first moment: whoever started it may be killed with its group in the next, and Ctrl-C is not for it.
                .process_group(0)
                .spawn()
        };
        match spawn() {
            Ok(child) => {
                self.lock_state().server = Some(child.id());
                Ok(())
            }
            Err(source) => {
                let _ = folder.remove();
                Err(SessionError::CannotStart { source })
            }
        }
    }

    fn lock_state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks, and waits for the answer for as long as the server lives.
async fn ask(connection: UnixStream, request: &Request) -> io::Result<(Reply, Asking)> {
    connection.set_nonblocking(true)?;
    let mut connection = Asking::from_std(connection)?;
    send(&mut connection, request).await?;
    let reply = receive(&mut connection).await?;
    Ok((reply, connection))
}
