//! A private server, which tests use one after the other.

use std::sync::Arc;
use std::time::Duration;

use itest_runtime::{Error, Teardown};
use tokio::time::timeout;

use super::client::Client;
use super::programs::{Installation, TEST_USER};
use super::service::MqttService;
use super::traces::Traces;
use crate::service::{EndOfTest, PrivateServerOfTests, RunningServer, ServerAddress};

/// How long the server may take to answer before it counts as hung. The limit is shorter than that of the client, so that a hang is not an error of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the process of a server that refuses the check may take to end.
const EXIT_TIMEOUT: Duration = Duration::from_millis(200);

/// A server that is leased to a test.
pub(super) struct LeasedServer {
    pub(super) address: ServerAddress,
    pub(super) traces: Arc<Traces>,
}

/// A private server.
pub(super) struct PrivateMqtt {
    server: RunningServer<MqttService>,
    /// The connection with which itest checks whether the server answers.
    monitor: Option<Client>,
    /// The traces of the test that has the server.
    traces: Arc<Traces>,
}

impl PrivateServerOfTests for PrivateMqtt {
    type Service = MqttService;
    type Access = LeasedServer;

    async fn start(programs: &Installation, teardown: &Teardown) -> Result<Self, Error> {
        let server = RunningServer::start(programs, teardown).await?;
        Ok(Self { server, monitor: None, traces: Arc::default() })
    }

    async fn begin_test(&mut self) -> Result<LeasedServer, Error> {
        if self.server.is_lost() {
            self.replace().await?;
        }
        self.traces = Arc::default();
        let address = ServerAddress::of::<MqttService>(&self.server.address(), TEST_USER)?;
        Ok(LeasedServer { address, traces: Arc::clone(&self.traces) })
    }

    /// The server is clean when it has closed all connections of the test, and no client of the test has retained a message or kept its session:
    /// then the server has stored nothing of the test.
    async fn end_test(&mut self) -> Result<EndOfTest, Error> {
        let (reason, loss) = match (timeout(ANSWER_TIMEOUT, self.ping()).await, self.traces.leftover()) {
            (Ok(Ok(())), None) => return Ok(EndOfTest::Cleaned),
            (Ok(Ok(())), Some(reason)) => (reason, None),
            (Ok(Err(_)), _) => ("it refuses the check of itest", self.server.loss_within(EXIT_TIMEOUT).await),
            (Err(_), _) => ("it does not answer", Some(self.server.loss_by_hang(ANSWER_TIMEOUT))),
        };
        self.replace().await?;
        Ok(loss.map_or_else(|| EndOfTest::Replaced(reason.to_owned()), EndOfTest::Lost))
    }

    async fn replace(&mut self) -> Result<(), Error> {
        self.monitor = None;
        self.server.replace().await
    }

    fn loss(&self) -> Option<String> {
        self.server.loss()
    }
}

impl PrivateMqtt {
    async fn ping(&mut self) -> Result<(), Error> {
        let mut monitor = if let Some(monitor) = self.monitor.take() { monitor } else { self.connect().await? };
        monitor.ping().await?;
        // A connection on which something failed is not used again.
        self.monitor = Some(monitor);
        Ok(())
    }

    async fn connect(&self) -> Result<Client, Error> {
        let address = ServerAddress::of::<MqttService>(&self.server.address(), TEST_USER)?;
        Client::connect(address.resolve().await?, address.login.as_ref()).await
    }
}
