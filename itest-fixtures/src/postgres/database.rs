//! The fixture of a PostgreSQL database.

use std::fmt;
use std::marker::PhantomData;

use sqlx::postgres::PgPool;

use itest_runtime::{Error, Teardown, TestInfo};

use super::Schema;
use super::schema::SchemaOf;
use crate::database::{LeasedDatabase, PoolOf, lease};
use crate::itest::fixture;

/// A private database with the migrations and seeds of `S`. It is given back after the test.
pub struct Postgres<S> {
    database: LeasedDatabase<sqlx::Postgres>,
    schema: PhantomData<fn() -> S>,
}

impl<S> Postgres<S> {
    /// A pool of connections to the database; clones share it.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.database.pool.clone()
    }

    /// The URL, with the password, for code that connects by itself.
    ///
    /// The code must close its connections before the test ends: a database with sessions of other pools is not used again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.database.url.url
    }

    /// The host, or the folder of the socket if it begins with `/`: a private server listens only on a socket. libpq, tokio-postgres and
    /// sqlx accept such a folder as the host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.database.url.host
    }

    /// The port, which is also a part of the name of a socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.database.url.port
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

    /// The name of the database. With `Isolation::Schema`, all tests share it, and [`name`](Self::name) is the schema of the test.
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

    /// The name of the database, or of the schema with `Isolation::Schema`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.database.name
    }
}

impl<S> fmt::Debug for Postgres<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL is left out, because it may contain a password.
        formatter.debug_struct("Postgres").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// The database that a test gets. The test's teardown gives it back to the pool of its worker.
#[fixture(crate = crate::itest)]
async fn database<S: Schema>(
    pool: &PoolOf<SchemaOf<S>>,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<Postgres<S>, Error> {
    Ok(Postgres { database: lease::<SchemaOf<S>>(pool, info, teardown).await?, schema: PhantomData })
}
