//! The fixture of a MariaDB or MySQL database.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use sqlx::mysql::MySqlPool;

use itest_runtime::{Error, Teardown, TestInfo};

use super::Schema;
use super::schema::SchemaOf;
use crate::database::{LeasedDatabase, PoolOf, lease};
use crate::itest::fixture;

/// A private database with the migrations and seeds of `S`. It is given back after the test.
pub struct Mysql<S> {
    database: LeasedDatabase<sqlx::MySql>,
    schema: PhantomData<fn() -> S>,
}

impl<S> Mysql<S> {
    /// A pool of connections to the database; clones share it.
    #[must_use]
    pub fn pool(&self) -> MySqlPool {
        self.database.pool.clone()
    }

    /// The URL, with the password, for code that connects by itself.
    ///
    /// The code must close its connections before the test ends: a database with sessions of other pools is not used again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.database.url.url
    }

    /// The host. A private server does not listen on its port, but only on its [`socket`](Self::socket).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.database.url.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.database.url.port
    }

    /// The socket, if the server is private or the URL names one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.database.url.socket.as_deref()
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.database.url.user
    }

    /// The password, if the URL has one. A private server accepts its user without a password.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.database.url.password.as_deref()
    }

    /// The name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database.url.database
    }

    /// The URL that leads through a proxy, which sees and disturbs what the code under test sends.
    ///
    /// # Errors
    ///
    /// When the proxy leads to another service already.
    #[cfg(feature = "proxy")]
    pub fn through(&self, proxy: &crate::Proxy) -> Result<String, Error> {
        proxy.to(self.url())
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.database.name
    }
}

impl<S> fmt::Debug for Mysql<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL is left out, because it may contain a password.
        formatter.debug_struct("Mysql").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// The database that a test gets. The test's teardown gives it back to the pool of its worker.
#[fixture(crate = crate::itest)]
async fn database<S: Schema>(
    pool: &PoolOf<SchemaOf<S>>,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<Mysql<S>, Error> {
    Ok(Mysql { database: lease::<SchemaOf<S>>(pool, info, teardown).await?, schema: PhantomData })
}
