//! A private server that tests use one after the other: it is cleaned after each test, and replaced if it was lost.

use std::time::Duration;

use itest_runtime::{Error, Teardown};

use super::address::ServerUrl;
use super::cleaner::Cleaner;
use super::programs::Installation;
use super::server::RedisService;
use crate::failure::failed_to;
use crate::service::password::Password;
use crate::service::{EndOfTest, PrivateServerOfTests, RunningServer};

/// How long the process of a server may take to end after its connections have ended.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// A private server that tests use one after the other.
pub(super) struct PrivateRedis {
    server: RunningServer<RedisService>,
    cleaner: Cleaner,
    /// The URL of the next test, with its password.
    url: ServerUrl,
}

impl PrivateServerOfTests for PrivateRedis {
    type Service = RedisService;
    type Access = ServerUrl;

    async fn start(programs: &Installation, teardown: &Teardown) -> Result<Self, Error> {
        let server = RunningServer::start(programs, teardown).await?;
        let (cleaner, url) = attach(&server).await?;
        Ok(Self { server, cleaner, url })
    }

    async fn begin_test(&mut self) -> Result<ServerUrl, Error> {
        if self.server.is_lost() {
            self.replace().await?;
        }
        Ok(self.url.clone())
    }

    async fn end_test(&mut self) -> Result<EndOfTest, Error> {
        let password = Password::random()?;
        let Err(not_cleaned) = self.cleaner.clean(&password).await else {
            self.url = self.url.with_default_user(password.expose());
            return Ok(EndOfTest::Cleaned);
        };
        // The connections of a server end before its process does, and a signal that stops it may take effect after the last check.
        let loss =
            if not_cleaned.may_have_ended() { self.server.loss_within(END_TIMEOUT).await } else { self.server.loss() };
        self.replace().await?;
        Ok(loss.map_or_else(|| EndOfTest::Replaced(not_cleaned.reason()), EndOfTest::Lost))
    }

    async fn replace(&mut self) -> Result<(), Error> {
        self.server.replace().await?;
        (self.cleaner, self.url) = attach(&self.server).await?;
        Ok(())
    }

    fn loss(&self) -> Option<String> {
        self.server.loss()
    }
}

/// Prepares a new server for its first test.
async fn attach(server: &RunningServer<RedisService>) -> Result<(Cleaner, ServerUrl), Error> {
    let url = ServerUrl::of(&server.address())?;
    let password = Password::random()?;
    let prepared = async {
        let mut cleaner = Cleaner::new(url.clone()).await?;
        cleaner.prepare(&password).await?;
        Ok(cleaner)
    };
    let cleaner =
        prepared.await.map_err(|error: ::redis::RedisError| failed_to("prepare a private Redis server", &error))?;
    Ok((cleaner, url.with_default_user(password.expose())))
}
