//! The declaration of a suite's PostgreSQL database.

use std::marker::PhantomData;

use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx_core::migrate::Migrator;

use itest_runtime::Error;

use super::Isolation;
use super::connection::PostgresDriver;
use super::shared::refuse_shared_objects;
use crate::database::{self, Migrations, UrlFunctions};

/// The declaration of a suite's PostgreSQL database, with migrations of the sqlx that itest uses. [`SchemaByUrl`](super::SchemaByUrl)
/// is for every other client.
///
/// # Examples
///
/// ```
/// use itest::postgres;
/// use sqlx::migrate::Migrator;
/// # mod bank {
/// #     pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
/// # }
///
/// struct BankSchema;
///
/// impl postgres::Schema for BankSchema {
///     fn migrator() -> &'static Migrator {
///         &bank::MIGRATIONS
///     }
/// }
///
/// type BankDb = postgres::Postgres<BankSchema>;
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not declare a PostgreSQL database",
    note = "implement `postgres::Schema` (migrations of sqlx 0.9) or `postgres::SchemaByUrl` (any other client) for it"
)]
pub trait Schema: 'static {
    /// How the tests are isolated from each other. A test that needs another isolation uses [`Cloned`](super::Cloned) or a similar type.
    const ISOLATION: Isolation = Isolation::Recycle;

    /// The maximum number of connections of a test's pool. If the server does not allow that many for all workers, the pool has fewer, but
    /// at least 2. If the server does not allow these either, the tests fail, and the error says how many workers the server has
    /// connections for.
    const CONNECTIONS: u32 = 10;

    /// The migrations, as `sqlx::migrate!` returns them.
    fn migrator() -> &'static Migrator;

    /// Adds the rows that every test starts with. They become part of the template.
    #[must_use]
    fn seed(_pool: &PgPool) -> impl Future<Output = Result<(), Error>> {
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

    /// Changes the options with which the tests' pools connect: settings of the session, the application name, the role.
    #[must_use]
    fn options(options: PgConnectOptions) -> PgConnectOptions {
        options
    }
}

/// Adapts a schema of PostgreSQL to the pool of databases.
#[derive(Debug)]
pub(crate) struct SchemaOf<S>(PhantomData<fn() -> S>);

impl<S: Schema> database::Schema for SchemaOf<S> {
    type Driver = PostgresDriver;

    const ISOLATION: Isolation = S::ISOLATION;
    const CONNECTIONS: u32 = S::CONNECTIONS;
    const HAS_TEMPLATE: bool = !matches!(S::ISOLATION, Isolation::Schema);

    fn migrations() -> Migrations {
        Migrations::new(S::by_url(), S::migrator)
    }

    fn identity() -> &'static str {
        S::identity()
    }

    async fn seed(pool: &PgPool) -> Result<(), Error> {
        S::seed(pool).await
    }

    fn options(options: PgConnectOptions) -> PgConnectOptions {
        S::options(options)
    }

    fn check() -> Result<(), Error> {
        match Self::migrations() {
            Migrations::Sqlx(migrator) => refuse_shared_objects(S::ISOLATION, migrator),
            Migrations::ByUrl(_) => Ok(()),
        }
    }
}
