//! The fixture: a clean Redis for one test.

use std::fmt;
use std::panic::Location;

use ::redis::Client;
use ::redis::aio::MultiplexedConnection;

use itest_runtime::{Error, Teardown, TestInfo};

use super::address::ServerUrl;
use super::connection::connect_client;
use super::key::Key;
use super::worker::RedisOfWorker;
use crate::failure::failed_to;
use crate::itest::fixture;

/// A clean Redis for one test: the private server of its worker, or a numbered database of a shared server.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::redis::{AsyncCommands, Redis};
///
/// #[integration_test]
/// async fn item_is_added_to_the_cart(redis: &Redis) -> Result<()> {
///     #[act]
///     // The code under test connects with `redis.url()`.
///     let mut connection = redis.connection().await?;
///     let _: () = connection.set_ex("cart:1", r#"{"items": ["book"]}"#, 1800).await?;
///
///     #[assert]
///     let cart = redis.key("cart:1").read().await?;
///     cart.assert_json("/items/0", "book").assert_expires();
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Redis {
    url: ServerUrl,
    client: Client,
}

impl Redis {
    /// The URL, with the password, for code that connects by itself: `redis://:password@127.0.0.1:4711/0`.
    ///
    /// On a private server, each test has another password, so that code that outlives its test cannot reach the next one. On a shared server,
    /// the URL also contains the user of the test.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.expose()
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port()
    }

    /// The number of the database: 0 on a private server.
    #[must_use]
    pub fn database(&self) -> u32 {
        self.url.database()
    }

    /// The user, or `None` for the default user.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.url.user()
    }

    /// The password, or `None` if the URL has none.
    #[must_use]
    pub fn password(&self) -> Option<String> {
        self.url.password()
    }

    /// A client of the crate `redis`.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Opens a connection. It has no time limit for answers, so that commands that block can be used.
    ///
    /// # Errors
    ///
    /// When the server does not accept the connection.
    #[track_caller]
    pub fn connection(&self) -> impl Future<Output = Result<MultiplexedConnection, Error>> + Send {
        let caller = Location::caller();
        async move { connect_client(&self.client).await.map_err(|error| Error::at(error.to_string(), caller)) }
    }

    /// A key, to read its value.
    pub fn key(&self, name: impl Into<String>) -> Key {
        Key::new(self.client(), name.into())
    }

    /// The URL of Redis through a proxy, which injects faults between the code under test and the server.
    ///
    /// # Errors
    ///
    /// When the proxy leads to another service already.
    #[cfg(feature = "proxy")]
    pub fn through(&self, proxy: &crate::Proxy) -> Result<String, Error> {
        proxy.to(self.url())
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL is left out, because it contains a password.
        let (place, database) = (self.url.place(), self.database());
        formatter.debug_struct("Redis").field("place", &place).field("database", &database).finish_non_exhaustive()
    }
}

/// A clean Redis. The test's teardown cleans it again.
#[fixture(crate = crate::itest)]
async fn redis(worker: &RedisOfWorker, info: &TestInfo, teardown: &Teardown) -> Result<Redis, Error> {
    let url = worker.lease(info, teardown).await?;
    let client = Client::open(url.expose()).map_err(|error| failed_to("use the URL of Redis", &error))?;
    Ok(Redis { url, client })
}
