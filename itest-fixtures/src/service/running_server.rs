//! A private server that runs until its scope ends, and that can be started again at the same address when it has ended or hangs.

use std::time::Duration;

use itest_runtime::{Error, RunningProgram, Teardown};

use super::address::Address;
use super::definition::{Programs as _, Service};
#[cfg(feature = "_run-server")]
use super::health_checks::HealthChecks;
use super::private::{self, Started};
use super::private_server::PrivateServer;

/// How often itest tries to start a server again after its end.
#[cfg(feature = "_run-server")]
const MAX_RESTART_ATTEMPTS: u32 = 3;

/// The pause between two of these attempts.
#[cfg(feature = "_run-server")]
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// The files with which a server that has ended is started again.
#[cfg(feature = "_run-server")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilesOfRestart {
    /// Those of the server that has ended, because the run still needs its contents, such as the templates of databases.
    #[cfg(feature = "_database-server")]
    Same,
    /// New ones, because the workers create again whatever they need.
    #[cfg(feature = "_shared-run-server")]
    New,
}

/// A private server of one worker, of one test, or of the run. It listens on 127.0.0.1 only.
#[derive(Debug)]
pub(crate) struct RunningServer<S: Service> {
    #[cfg_attr(
        not(any(feature = "_shared-run-server", feature = "_worker-server")),
        expect(dead_code, reason = "servers of databases are not replaced")
    )]
    programs: S::Programs,
    server: PrivateServer,
    program: RunningProgram,
}

impl<S: Service> RunningServer<S> {
    /// Starts a server, which ends with the scope of `teardown`. Its end is recorded in the ledger before it is started.
    ///
    /// # Errors
    ///
    /// When the server cannot be started. The error contains its log.
    pub(crate) async fn start(programs: &S::Programs, teardown: &Teardown) -> Result<Self, Error> {
        let Started { server, program } = private::start::<S>(programs, teardown).await?;
        if S::STOP.is_none() {
            let killed = program.clone();
            teardown.defer(format!("kill the private {} server", S::Programs::NAME), async move {
                // The data of the server are not needed any more, so it is killed at once: some servers react to SIGTERM only after 100 ms. The
                // step that ends the program follows, and reports a process that does not end.
                let _ = killed.kill().await;
            });
        }
        Ok(Self { programs: programs.clone(), server, program })
    }

    /// The address, which stays the same if the server is replaced.
    pub(crate) fn address(&self) -> Address {
        Address::Private(self.server.clone())
    }
}

#[cfg(any(feature = "_shared-run-server", feature = "_worker-server"))]
impl<S: Service> RunningServer<S> {
    /// Replaces the server by a new one with the same address, whether it has ended or not. The next test finds nothing of the old one.
    ///
    /// # Errors
    ///
    /// When the new server cannot be started. No server runs then, and the next call tries again.
    pub(crate) async fn replace(&self) -> Result<(), Error> {
        // The old server may write its files until its process has ended.
        self.program.kill().await?;
        // A file of the old server, such as a dump of its data, would bring back what tests have left.
        private::remove_files(&self.server.folder)?;
        private::initialize::<S>(&self.server.folder, &self.programs).await?;
        self.program.restart().await
    }
}

#[cfg(feature = "_restart")]
impl<S: Service> RunningServer<S> {
    /// The program of the server, so that a test can restart it.
    pub(crate) fn program(&self) -> RunningProgram {
        self.program.clone()
    }
}

#[cfg(any(feature = "_worker-server", feature = "_restart"))]
impl<S: Service> RunningServer<S> {
    /// The reason why the result of the test means nothing, if the server has ended or was paused while the test used it.
    pub(crate) fn loss(&self) -> Option<String> {
        match self.program.status() {
            Some(status) => Some(self.loss_because(&format!("has ended ({status})"))),
            None if self.program.is_paused() => {
                Some(self.loss_because("was stopped by a signal, and has not continued,"))
            }
            None => None,
        }
    }

    fn loss_because(&self, what: &str) -> String {
        let (name, log) = (S::Programs::NAME, self.server.end_of_log());
        format!(
            "the private {name} server of this worker {what} while the test used it, so the result of the test means nothing; the next test gets a \
             new server; its log ends with:\n{log}"
        )
    }
}

#[cfg(feature = "_worker-server")]
impl<S: Service> RunningServer<S> {
    /// The reason why the result of the test means nothing, if the server has left a check unanswered for this time.
    #[cfg(feature = "_exclusive")]
    pub(crate) fn loss_by_hang(&self, limit: Duration) -> String {
        let hung = || self.loss_because(&format!("does not answer within {limit:?}, so it may have hung"));
        self.loss().unwrap_or_else(hung)
    }

    /// Like [`RunningServer::loss`], for a server whose connections have just ended. It waits until the process ends, at most for this time.
    pub(crate) async fn loss_within(&self, limit: Duration) -> Option<String> {
        let _ = tokio::time::timeout(limit, self.program.wait()).await;
        self.loss()
    }

    /// Whether the server has ended or is paused.
    pub(crate) fn is_lost(&self) -> bool {
        self.program.status().is_some() || self.program.is_paused()
    }
}

#[cfg(feature = "_run-server")]
impl<S: Service> RunningServer<S> {
    /// Starts the server again each time that it ends or hangs, until the scope of `teardown` ends. Returns the address.
    ///
    /// # Errors
    ///
    /// When the setting of the health checks is wrong.
    pub(super) fn restart_whenever_it_ends(self, files: FilesOfRestart, teardown: &Teardown) -> Result<Address, Error> {
        let (address, health_checks) = (self.address(), HealthChecks::of_run()?);
        let restarting = tokio::spawn(async move {
            while self.end(health_checks).await.is_ok() {
                if let Err(error) = self.restart(files).await {
                    // If the record cannot be written, the tests wait for the server until their timeout.
                    let _ = self.server.record_restart_error(&error);
                    return;
                }
            }
        });
        teardown.defer(format!("no longer restart the private {} server", S::Programs::NAME), async move {
            restarting.abort();
            // The steps that follow must know a server that is being started, so this one waits for the end of the task.
            let _ = restarting.await;
        });
        Ok(address)
    }

    /// Waits until the server has ended. A server that hangs is killed.
    ///
    /// # Errors
    ///
    /// When the system does not report the end of the process.
    async fn end(&self, health_checks: HealthChecks) -> Result<(), Error> {
        let address = self.address();
        tokio::select! {
            ended = self.program.wait() => {
                self.server.record_end(None);
                ended.map(drop)
            }
            reason = health_checks.hang::<S>(&address, &self.program) => {
                self.server.record_end(Some(&reason));
                self.program.kill().await.map(drop)
            }
        }
    }

    /// Starts the server again. The first attempts fail if processes of the old server still use its files.
    async fn restart(&self, files: FilesOfRestart) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let restarted = match files {
                #[cfg(feature = "_database-server")]
                FilesOfRestart::Same => self.program.restart().await,
                #[cfg(feature = "_shared-run-server")]
                FilesOfRestart::New => self.replace().await,
            };
            if restarted.is_ok() || attempt == MAX_RESTART_ATTEMPTS {
                return restarted;
            }
            // A test may have used this server before it was known to be ready, and loses it now.
            self.server.record_end(self.server.reason_of_kill().as_deref());
            attempt += 1;
            tokio::time::sleep(RESTART_PAUSE).await;
        }
    }
}
