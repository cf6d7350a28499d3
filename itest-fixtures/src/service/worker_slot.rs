//! The private server of a worker, leased to one test after the other.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

use itest_runtime::__private::Remark;
use itest_runtime::{Error, Teardown, TestInfo};

use super::definition::{Programs, Service};
use super::worker_server::WorkerService;

/// A private server that tests use one after the other.
pub(crate) trait PrivateServerOfTests: Sized + Send + 'static {
    /// The service.
    type Service: WorkerService;

    /// What a test needs to use the server.
    type Access: Send;

    /// Starts a server, which ends with the scope of `teardown`.
    ///
    /// # Errors
    ///
    /// When the server cannot be started.
    fn start(
        programs: &<Self::Service as Service>::Programs,
        teardown: &Teardown,
    ) -> impl Future<Output = Result<Self, Error>>;

    /// Gives the next test access to a clean server. If the server was lost since the last test, another one is started.
    ///
    /// # Errors
    ///
    /// When no other server can be started.
    fn begin_test(&mut self) -> impl Future<Output = Result<Self::Access, Error>>;

    /// Cleans the server after a test, or replaces it.
    ///
    /// # Errors
    ///
    /// When no other server can be started. The next test tries again.
    fn end_test(&mut self) -> impl Future<Output = Result<EndOfTest, Error>> + Send;

    /// Replaces the server by a new one, whether it has ended or not.
    ///
    /// # Errors
    ///
    /// When no other server can be started. The next test tries again.
    fn replace(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// The text with which the test fails, if the server has ended or is paused.
    fn loss(&self) -> Option<String>;
}

/// What has happened to a private server at the end of a test.
#[derive(Debug)]
pub(crate) enum EndOfTest {
    /// The server is clean.
    Cleaned,
    /// The server was replaced, for this reason.
    Replaced(String),
    /// The server has ended or hung during the test. The text is the failure of the test.
    Lost(String),
}

/// The place of a worker's private server. It is empty while a test uses the server.
pub(crate) struct WorkerSlot<P: PrivateServerOfTests> {
    programs: <P::Service as Service>::Programs,
    server: Arc<Mutex<Option<P>>>,
    replaced: Arc<std::sync::Mutex<Remark>>,
}

impl<P: PrivateServerOfTests> Clone for WorkerSlot<P> {
    fn clone(&self) -> Self {
        let Self { programs, server, replaced } = self;
        Self { programs: programs.clone(), server: Arc::clone(server), replaced: Arc::clone(replaced) }
    }
}

impl<P: PrivateServerOfTests> fmt::Debug for WorkerSlot<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WorkerSlot({})", name::<P>())
    }
}

impl<P: PrivateServerOfTests> WorkerSlot<P> {
    /// Starts the server of a worker. The summary of the run counts how often it was replaced.
    ///
    /// # Errors
    ///
    /// When the server cannot be started.
    pub(crate) async fn start(
        programs: &<P::Service as Service>::Programs,
        teardown: &Teardown,
    ) -> Result<Self, Error> {
        let server = P::start(programs, teardown).await?;
        let replaced = Remark::new(format!("private servers of {} replaced by new ones", name::<P>()));
        let replaced = Arc::new(std::sync::Mutex::new(replaced));
        let (counted, summary) = (Arc::clone(&replaced), teardown.clone());
        teardown.defer(format!("count the replaced {} servers", name::<P>()), async move {
            let counted = counted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            summary.remark(counted);
        });
        Ok(Self { programs: programs.clone(), server: Arc::new(Mutex::new(Some(server))), replaced })
    }

    /// Leases the server to a test until its teardown. A test that has the server already gets another one.
    ///
    /// # Errors
    ///
    /// When no server can be started.
    pub(crate) async fn lease(&self, info: &TestInfo, teardown: &Teardown) -> Result<P::Access, Error> {
        let Some(mut server) = self.server.lock().await.take() else {
            return self.lease_another(info, teardown).await;
        };
        let access = match server.begin_test().await {
            Ok(access) => access,
            Err(error) => {
                *self.server.lock().await = Some(server);
                return Err(error);
            }
        };
        let (slot, info) = (self.clone(), info.clone());
        teardown.defer(format!("clean the private {} server", name::<P>()), async move {
            let ended = match server.loss() {
                Some(loss) => server.replace().await.map(|()| EndOfTest::Lost(loss)),
                None => server.end_test().await,
            };
            slot.report(&ended, &info);
            *slot.server.lock().await = Some(server);
            ended.map(drop)
        });
        Ok(access)
    }

    /// Starts another server for a test that already uses the one of the worker. It ends with the test.
    async fn lease_another(&self, info: &TestInfo, teardown: &Teardown) -> Result<P::Access, Error> {
        let mut server = P::start(&self.programs, teardown).await?;
        let access = server.begin_test().await?;
        let info = info.clone();
        teardown.defer(format!("check that the second private {} server runs", name::<P>()), async move {
            if let Some(loss) = server.loss() {
                info.fail(loss);
            }
        });
        Ok(access)
    }

    /// Fails the test if its server was lost, and counts the replaced servers for the summary.
    fn report(&self, ended: &Result<EndOfTest, Error>, info: &TestInfo) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        match ended {
            Ok(EndOfTest::Cleaned) => replaced.avoided(),
            Ok(EndOfTest::Replaced(reason)) => {
                let name = name::<P>();
                let _ =
                    writeln!(std::io::stderr(), "itest: the private {name} server is replaced by a new one: {reason}");
                replaced.happened(reason.as_str(), info.id());
            }
            Ok(EndOfTest::Lost(loss)) => {
                info.fail(loss.clone());
                replaced.happened("the server has ended or hung during a test", info.id());
            }
            Err(_) => {}
        }
    }
}

/// The name of a service in messages.
fn name<P: PrivateServerOfTests>() -> &'static str {
    <P::Service as Service>::Programs::NAME
}
