//! What a suite says of its database, whatever server that is on.

use sqlx::migrate::Migrator;

use itest_runtime::Error;

use super::connect::{Connect, Options};
use super::describe;
use super::pool::{Driver, SchemaFunctions};

/// What a suite says of its database.
pub(crate) trait Schema: Sized + 'static {
    type Driver: Driver;

    /// How tests are kept apart.
    const ISOLATION: <Self::Driver as Driver>::Isolation;

    /// How many connections a pool may have at most.
    const CONNECTIONS: u32;

    /// Whether each test has a copy of a template.
    const HAS_TEMPLATE: bool = true;

    fn migrator() -> &'static Migrator;

    /// What tells this schema's seeds from those of another one with the same migrations.
    fn identity() -> &'static str;

    /// Adds the rows that every test starts with.
    fn seed(pool: &sqlx::Pool<<Self::Driver as Connect>::Sqlx>) -> impl Future<Output = Result<(), Error>>;

    /// Changes how the pools of tests connect.
    fn options(options: Options<Self::Driver>) -> Options<Self::Driver>;

    /// Refuses migrations that do not go with the isolation.
    ///
    /// # Errors
    ///
    /// The migrations, and what to do.
    fn check() -> Result<(), Error> {
        Ok(())
    }
}

/// The same as functions, for what is not generic over the schema.
pub(crate) fn functions_of<S: Schema>() -> SchemaFunctions<S::Driver> {
    SchemaFunctions {
        isolation: S::ISOLATION,
        options: S::options,
        migrator: S::migrator(),
        seed: |pool| Box::pin(async move { seed::<S>(&pool).await }),
    }
}

/// Adds the rows that every test starts with.
pub(crate) async fn seed<S: Schema>(pool: &sqlx::Pool<<S::Driver as Connect>::Sqlx>) -> Result<(), Error> {
    S::seed(pool).await.map_err(|error| Error::new(format!("cannot seed the database: {}", describe(error.inner()))))
}
