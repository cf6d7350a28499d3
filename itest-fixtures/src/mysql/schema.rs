//! The declaration of a suite's MariaDB or MySQL database.

use std::marker::PhantomData;

use sqlx::mysql::{MySqlConnectOptions, MySqlPool};
use sqlx_core::migrate::Migrator;

use itest_runtime::Error;

use super::Isolation;
use super::connection::MysqlDriver;
use crate::database::{self, Migrations, UrlFunctions};

/// The declaration of a suite's MariaDB or MySQL database, with migrations of the sqlx that itest uses. [`SchemaByUrl`](super::SchemaByUrl)
/// is for every other client.
///
/// # Examples
///
/// ```
/// use itest::mysql;
/// use sqlx::migrate::Migrator;
/// # mod bank {
/// #     pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
/// # }
///
/// struct BankSchema;
///
/// impl mysql::Schema for BankSchema {
///     fn migrator() -> &'static Migrator {
///         &bank::MIGRATIONS
///     }
/// }
///
/// type BankDb = mysql::Mysql<BankSchema>;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not declare a MariaDB or MySQL database",
    note = "implement `mysql::Schema` (migrations of sqlx 0.9) or `mysql::SchemaByUrl` (any other client) for it"
)]
pub trait Schema: 'static {
    /// How the tests are isolated from each other. A test that needs another isolation uses [`Cloned`](super::Cloned).
    const ISOLATION: Isolation = Isolation::Recycle;

    /// The maximum number of connections of a test's pool. If the server does not allow that many for all workers, the pool has fewer, but
    /// at least 2. If the server does not allow these either, the tests fail, and the error says how many workers the server has
    /// connections for.
    const CONNECTIONS: u32 = 10;

    /// The migrations, as `sqlx::migrate!` returns them.
    fn migrator() -> &'static Migrator;

    /// Adds the rows that every test starts with. They become part of the template.
    #[must_use]
    fn seed(_pool: &MySqlPool) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// An identifier that distinguishes this schema from another one with the same migrations and other seeds.
    #[doc(hidden)]
    #[must_use]
    fn identity() -> &'static str {
        std::any::type_name::<Self>()
    }

    /// The functions of [`SchemaByUrl`](super::SchemaByUrl), which replace the migrations and the seed.
    #[doc(hidden)]
    #[must_use]
    fn by_url() -> Option<UrlFunctions> {
        None
    }

    /// Changes the options with which the tests' pools connect: character sets, time zones, caches.
    #[must_use]
    fn options(options: MySqlConnectOptions) -> MySqlConnectOptions {
        options
    }
}

/// Adapts a schema of MariaDB or MySQL to the pool of databases.
#[derive(Debug)]
pub(crate) struct SchemaOf<S>(PhantomData<fn() -> S>);

impl<S: Schema> database::Schema for SchemaOf<S> {
    type Driver = MysqlDriver;

    const ISOLATION: Isolation = S::ISOLATION;
    const CONNECTIONS: u32 = S::CONNECTIONS;

    fn migrations() -> Migrations {
        Migrations::new(S::by_url(), S::migrator)
    }

    fn identity() -> &'static str {
        S::identity()
    }

    async fn seed(pool: &MySqlPool) -> Result<(), Error> {
        S::seed(pool).await
    }

    fn options(options: MySqlConnectOptions) -> MySqlConnectOptions {
        S::options(options)
    }
}
