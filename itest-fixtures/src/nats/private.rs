//! A private server, which tests use one after the other.

use std::time::Duration;

use itest_runtime::{Error, RunningProgram, Teardown};
use tokio::time::{Instant, timeout};

use super::account::{AccountState, account_state};
use super::client::Client;
use super::configuration::{SYSTEM_USER, TEST_USER};
use super::programs::Installation;
use super::service::NatsService;
use crate::service::{EndOfTest, PrivateServerOfTests, RunningServer, ServerAddress};

/// How long the server may take to notice that clients have closed their connections.
const DISCONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// The pause between two queries of the number of connections.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// How long the server may take to answer before it counts as hung. The limit is shorter than that of the client, so that a hang is not an error of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the process of a server that refuses the check may take to end.
const EXIT_TIMEOUT: Duration = Duration::from_millis(200);

/// A server that is leased to a test.
pub(super) struct LeasedServer {
    pub(super) address: ServerAddress,
    /// The program of a private server, which the test may restart.
    pub(super) program: Option<RunningProgram>,
}

/// A private server.
pub(super) struct PrivateNats {
    server: RunningServer<NatsService>,
    /// itest's connection to the system account.
    system: Option<Client>,
}

impl PrivateServerOfTests for PrivateNats {
    type Service = NatsService;
    type Access = LeasedServer;

    async fn start(programs: &Installation, teardown: &Teardown) -> Result<Self, Error> {
        Ok(Self { server: RunningServer::start(programs, teardown).await?, system: None })
    }

    async fn begin_test(&mut self) -> Result<LeasedServer, Error> {
        if self.server.is_lost() {
            self.replace().await?;
        }
        let address = ServerAddress::of::<NatsService>(&self.server.address(), TEST_USER)?;
        Ok(LeasedServer { address, program: Some(self.server.program()) })
    }

    async fn end_test(&mut self) -> Result<EndOfTest, Error> {
        let (reason, loss) = match timeout(ANSWER_TIMEOUT, self.leftover()).await {
            Ok(Ok(None)) => return Ok(EndOfTest::Cleaned),
            Ok(Ok(Some(reason))) => (reason, None),
            Ok(Err(_)) => ("it refuses the check of itest", self.server.loss_within(EXIT_TIMEOUT).await),
            Err(_) => ("it does not answer", Some(self.server.loss_by_hang(ANSWER_TIMEOUT))),
        };
        self.replace().await?;
        Ok(loss.map_or_else(|| EndOfTest::Replaced(reason.to_owned()), EndOfTest::Lost))
    }

    async fn replace(&mut self) -> Result<(), Error> {
        self.system = None;
        self.server.replace().await
    }

    fn loss(&self) -> Option<String> {
        self.server.loss()
    }
}

impl PrivateNats {
    /// What the test has left on the server, or `None` if the server is like a new one.
    async fn leftover(&mut self) -> Result<Option<&'static str>, Error> {
        let began = Instant::now();
        loop {
            match self.query().await? {
                AccountState { connections: 0, jetstream_requests: 0 } => return Ok(None),
                AccountState { connections: 0, .. } => return Ok(Some("a test has used JetStream")),
                _ if began.elapsed() > DISCONNECT_TIMEOUT => return Ok(Some("clients of a test are still connected")),
                _ => tokio::time::sleep(POLL_INTERVAL).await,
            }
        }
    }

    async fn query(&mut self) -> Result<AccountState, Error> {
        // The test may have restarted the server, so that the earlier connection has ended.
        if let Some(mut client) = self.system.take()
            && let Ok(state) = account_state(&mut client).await
        {
            self.system = Some(client);
            return Ok(state);
        }
        let mut client = self.connect_to_system().await?;
        let state = account_state(&mut client).await?;
        // A connection on which something failed is not used again.
        self.system = Some(client);
        Ok(state)
    }

    async fn connect_to_system(&self) -> Result<Client, Error> {
        let address = ServerAddress::of::<NatsService>(&self.server.address(), SYSTEM_USER)?;
        Client::connect(address.resolve().await?, address.login.as_ref()).await
    }
}
