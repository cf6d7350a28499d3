//! What a suite says of its PostgreSQL database.

use std::marker::PhantomData;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool};

use itest_runtime::Error;

use super::Isolation;
use super::connection::PostgresDriver;
use super::shared::refuse_shared;
use crate::database;

/// What a suite says of its PostgreSQL database, once.
///
/// # Examples
///
/// ```ignore
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
pub trait Schema: 'static {
    /// How the tests are kept apart; a test that needs another way asks for [`Cloned`](super::Cloned) and its like.
    const ISOLATION: Isolation = Isolation::Recycle;

    /// How many connections a test's pool may have at most. Where the server does not allow so many for all workers, the pool has
    /// fewer, and at least 2; where it does not allow even these, the tests fail and say how many workers it has enough for.
    const CONNECTIONS: u32 = 10;

    /// The migrations, as `sqlx::migrate!` makes them.
    fn migrator() -> &'static Migrator;

    /// Rows that every test starts with; they become part of the template.
    #[must_use]
    fn seed(_pool: &PgPool) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// What tells this schema's seeds from those of another one with the same migrations.
    #[doc(hidden)]
    #[must_use]
    fn identity() -> &'static str {
        std::any::type_name::<Self>()
    }

    /// Changes how the tests' pools connect: settings of the session, the name of the application, the role.
    #[must_use]
    fn options(options: PgConnectOptions) -> PgConnectOptions {
        options
    }
}

/// A schema of PostgreSQL, as the pool of databases knows schemas.
#[derive(Debug)]
pub(crate) struct SchemaOf<S>(PhantomData<fn() -> S>);

impl<S: Schema> database::Schema for SchemaOf<S> {
    type Driver = PostgresDriver;

    const ISOLATION: Isolation = S::ISOLATION;
    const CONNECTIONS: u32 = S::CONNECTIONS;
    const HAS_TEMPLATE: bool = !matches!(S::ISOLATION, Isolation::Schema);

    fn migrator() -> &'static Migrator {
        S::migrator()
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
        refuse_shared(S::ISOLATION, S::migrator())
    }
}
