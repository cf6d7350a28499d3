//! A server that nested runs share.

use itest::Ready;
use itest::prelude::*;
use itest::redis::Client;

/// A server that is shared by nested runs: `redis://127.0.0.1:PORT`.
pub(crate) struct SharedServer {
    pub(crate) url: String,
}

impl SharedServer {
    /// Starts a server with these further arguments.
    pub(crate) async fn start(arguments: &[&str], teardown: &Teardown) -> Result<Self> {
        let program = Program::new("redis-server")
            .port("PORT")
            .args(["--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(arguments.iter().copied())
            .current_dir("/")
            .ready_when(Ready::port("PORT"))
            .start(teardown)
            .await?;
        let url = format!("redis://{}", program.address("PORT")?);
        Ok(Self { url })
    }

    pub(crate) async fn connection(&self) -> Result<itest::redis::MultiplexedConnection> {
        Ok(Client::open(self.url.as_str())?.get_multiplexed_async_connection().await?)
    }
}

#[fixture]
async fn shared_server(teardown: &Teardown) -> Result<SharedServer> {
    SharedServer::start(&[], teardown).await
}
