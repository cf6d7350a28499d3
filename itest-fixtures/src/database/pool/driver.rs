//! The trait of database servers that can have a database for each test, and the types that it uses.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx_core::migrate::Migrator;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use itest_runtime::__private::LocalFuture;
use itest_runtime::{Durable, Error};

use super::leftovers::Leftovers;
use super::recycling::NotRecycled;
use crate::database::Contents;
use crate::database::connect::{Connect, Connection, Options};
use crate::database::leases::Leases;
use crate::database::migrations::Migrations;
use crate::database::server::{Inspect, Server};
use crate::database::url::DatabaseUrl;
use crate::service::{Losses, Service, Supervisor};

/// A database server that can have a database for each test.
///
/// itest records everything that it creates on a server in a table of leases, and the names of these objects begin with
/// [`MARK`](crate::database::leases::MARK).
pub(crate) trait Driver: Inspect + Service<Server = Server<Self>> {
    /// The information that a copy needs in addition to the template's name.
    type Blueprint: Blueprint;

    /// How the tests are isolated from each other.
    type Isolation: Copy + Debug + PartialEq + Send + Sync;

    /// Detects the changes of a test, and reverts them.
    type Snapshot: Snapshot;

    /// The connections of tests to one database.
    type Sessions: Send + 'static;

    /// The state of a worker that does not belong to one database.
    type WorkerState: Send + Sync + 'static;

    /// The query of the names of databases. A condition on the name is appended.
    const DATABASES: &'static str;

    /// A further condition under which a template of an earlier build may be dropped.
    const OLD_BUILD: &'static str;

    /// The ledger's entry that drops all databases of a worker.
    const DROP_ALL: fn(Leftovers) -> Durable<Leftovers>;

    /// The maximum number of databases that are dropped at the same time.
    const MAX_DROPS: usize;

    /// The statement that adds a template, or marks it as not ready.
    fn add_template(name: &str, suite: &str) -> String;

    /// The statement that marks a template as ready. A template that is marked so survives the end of the server.
    fn complete_template(name: &str) -> String {
        format!("UPDATE itest_leases.template SET is_ready = true WHERE name = {}", Self::literal(name))
    }

    /// The statement that creates an empty database for a template.
    fn create_template(name: &str) -> String;

    /// Runs migrations on a pool that is used for nothing else.
    fn migrate(pool: sqlx::Pool<Self::Sqlx>, migrator: &Migrator) -> impl Future<Output = Result<(), Error>>;

    /// Prepares a template for copying, after its migrations and seeds.
    fn finish_template(_: &Server<Self>, _name: &str, _: &Migrations) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// Reads from a template what its copies need.
    fn blueprint(
        connection: &mut Connection<Self>,
        template: &str,
    ) -> impl Future<Output = Result<Self::Blueprint, Error>>;

    /// Whether a database is used for further tests.
    fn recycles(isolation: Self::Isolation) -> bool;

    /// Whether the next database is created while a test runs, because each test needs a new one.
    fn makes_ahead(isolation: Self::Isolation) -> bool;

    /// Creates a database with this name from the template.
    fn create(
        context: &Context<Self>,
        leases: &mut Leases<Self>,
        name: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Prepares a new database for its first test.
    fn prepare(context: &Context<Self>, name: &str) -> impl Future<Output = Result<Prepared<Self>, Error>> + Send;

    /// Creates a namespace outside of the pool, if the isolation requires it.
    fn make_unpooled(_: &Context<Self>) -> impl Future<Output = Option<Result<Database<Self>, Error>>> {
        async { None }
    }

    /// Returns the pool of connections for a test.
    fn begin_test(
        context: &Context<Self>,
        database: &mut Database<Self>,
    ) -> impl Future<Output = Result<sqlx::Pool<Self::Sqlx>, Error>>;

    /// Reverts the changes of a test.
    fn restore(
        context: &Context<Self>,
        database: &mut Database<Self>,
    ) -> impl Future<Output = Result<(), NotRecycled>> + Send;

    /// A possible reason for the failure of a test, according to its sessions.
    fn suspicion(_: &Database<Self>) -> Option<String> {
        None
    }

    /// Closes the connections of tests.
    fn close(sessions: Self::Sessions) -> impl Future<Output = ()> + Send;

    /// Reads all rows of a test's database.
    fn contents(
        context: &Context<Self>,
        database: &Database<Self>,
    ) -> impl Future<Output = Result<Contents, Error>> + Send;

    /// Creates the worker's state.
    fn worker_state() -> Self::WorkerState;

    /// Closes the worker's state.
    fn close_worker_state(_: &Self::WorkerState) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// The information that a copy of a template needs in addition to the template's name.
pub(crate) trait Blueprint:
    Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<T: Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static> Blueprint for T {}

/// Detects the changes of a test in its database, and reverts them.
pub(crate) trait Snapshot: Debug + Send + 'static {
    /// Whether the server has answered so recently that it cannot have been restarted since.
    fn has_just_answered(&self) -> bool;

    /// Whether the server still answers on the connection of the snapshot.
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    /// Closes the connection.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A database of the pool.
pub(crate) struct Database<D: Driver> {
    pub(crate) name: String,
    pub(crate) url: DatabaseUrl,
    /// The command with which the user opens the database in a client.
    pub(crate) client_command: String,
    pub(crate) sessions: D::Sessions,
    /// The snapshot that reverts the changes of a test, or the reason why there is none.
    pub(crate) snapshot: Result<D::Snapshot, NotRecycled>,
    /// The number of losses of the server at the time when the database was known to be in its first state.
    pub(crate) losses: u32,
}

/// The sessions and the snapshot of a new database, before its first test.
pub(crate) struct Prepared<D: Driver> {
    pub(crate) sessions: D::Sessions,
    pub(crate) snapshot: Result<D::Snapshot, NotRecycled>,
}

/// The data that a worker needs for its databases of one schema.
pub(crate) struct Context<D: Driver> {
    pub(crate) server: Server<D>,
    pub(crate) blueprint: D::Blueprint,
    pub(crate) schema: SchemaFunctions<D>,
    /// The maximum number of connections of each test.
    pub(crate) max_connections: u32,
    /// The driver's state that does not belong to one database.
    pub(crate) state: D::WorkerState,
    pub(super) leases: Mutex<Option<Supervisor<Leases<D>>>>,
    pub(super) losses: Losses,
}

impl<D: Driver> Context<D> {
    /// The worker's leases, on a connection that works. A lost connection is replaced.
    ///
    /// # Errors
    ///
    /// When the server does not come back.
    pub(crate) async fn leases(&self) -> Result<MappedMutexGuard<'_, Leases<D>>, Error> {
        let already_left = || Error::new("the worker has left the server already");
        let mut leases = self.leases.lock().await;
        leases.as_mut().ok_or_else(already_left)?.connection(&self.server.lease_database).await?;
        let connected = MutexGuard::try_map(leases, |leases| leases.as_mut().map(Supervisor::connected));
        connected.map_err(|_| already_left())
    }

    /// The number of losses and returns of the server.
    pub(crate) fn losses(&self) -> u32 {
        self.losses.count()
    }
}

/// A function that adds the rows which every test starts with.
type Seed<D> = fn(sqlx::Pool<<D as Connect>::Sqlx>) -> LocalFuture<'static, Result<(), Error>>;

/// The declaration of a suite's database, as plain functions.
pub(crate) struct SchemaFunctions<D: Driver> {
    pub(crate) isolation: D::Isolation,
    pub(crate) options: fn(Options<D>) -> Options<D>,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "other drivers make all databases from templates")
    )]
    pub(crate) migrations: Migrations,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "other drivers make all databases from templates")
    )]
    pub(crate) seed: Seed<D>,
}

impl<D: Driver> Debug for SchemaFunctions<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SchemaFunctions").field("isolation", &self.isolation).finish_non_exhaustive()
    }
}
