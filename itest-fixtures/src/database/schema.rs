//! The declaration of a suite's database, for every kind of server.

use itest_runtime::Error;

use super::connect::{Connect, Options};
use super::describe;
use super::migrations::Migrations;
use super::pool::{Driver, SchemaFunctions};

/// The declaration of a suite's database.
pub(crate) trait Schema: Sized + 'static {
    type Driver: Driver;

    /// How the tests are isolated from each other.
    const ISOLATION: <Self::Driver as Driver>::Isolation;

    /// The maximum number of connections of a pool.
    const CONNECTIONS: u32;

    /// Whether the databases of tests are copies of a template.
    const HAS_TEMPLATE: bool = true;

    fn migrations() -> Migrations;

    /// An identifier that distinguishes this schema from another one with the same migrations and other seeds.
    fn identity() -> &'static str;

    /// Adds the rows that every test starts with, after migrations of sqlx.
    fn seed(pool: &sqlx::Pool<<Self::Driver as Connect>::Sqlx>) -> impl Future<Output = Result<(), Error>>;

    /// Changes the options with which the pools of tests connect.
    fn options(options: Options<Self::Driver>) -> Options<Self::Driver>;

    /// Refuses migrations that do not work with the isolation.
    ///
    /// # Errors
    ///
    /// An error that names the migrations and the remedy.
    fn check() -> Result<(), Error> {
        Ok(())
    }
}

/// The declaration as plain functions, for code that is not generic over the schema.
pub(crate) fn functions_of<S: Schema>() -> SchemaFunctions<S::Driver> {
    SchemaFunctions {
        isolation: S::ISOLATION,
        options: S::options,
        migrations: S::migrations(),
        seed: |pool| Box::pin(async move { seed::<S>(&pool).await }),
    }
}

/// Adds the rows that every test starts with.
pub(crate) async fn seed<S: Schema>(pool: &sqlx::Pool<<S::Driver as Connect>::Sqlx>) -> Result<(), Error> {
    S::seed(pool).await.map_err(|error| Error::new(format!("cannot seed the database: {}", describe(error.inner()))))
}
