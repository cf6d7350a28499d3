//! What differs between the database servers on which tests have databases.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::Migrator;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use itest_runtime::__private::LocalFuture;
use itest_runtime::{Durable, Error};

use super::leftovers::Leftovers;
use super::recycling::NotRecycled;
use crate::database::Contents;
use crate::database::connect::{Connect, Connection, Options};
use crate::database::leases::Leases;
use crate::database::server::{Inspect, Server};
use crate::service::{Losses, Service, Supervisor};

/// A database server that can have a database for each test.
///
/// What itest writes to a server stands in a table of leases, and everything that it creates there has a name with the mark
/// [`MARK`](crate::database::leases::MARK).
pub(crate) trait Driver: Inspect + Service<Server = Server<Self>> {
    /// What a copy of a template needs beside the template's name.
    type Blueprint: Blueprint;

    /// How tests are kept apart.
    type Isolation: Copy + Debug + PartialEq + Send + Sync;

    /// What notices the changes of a test, and takes them back.
    type Snapshot: Snapshot;

    /// The connections of tests to one database.
    type Sessions: Send + 'static;

    /// What a worker keeps beside its databases.
    type WorkerState: Send + Sync + 'static;

    /// The names of databases; a condition on the name follows.
    const DATABASES: &'static str;

    /// A further condition on templates of earlier builds that may be dropped.
    const OLD_BUILD: &'static str;

    /// The entry in the ledger that drops all databases of a worker.
    const DROP_ALL: fn(Leftovers) -> Durable<Leftovers>;

    /// The maximum number of databases that are dropped at the same time.
    const MAX_DROPS: usize;

    /// The statement that adds a template, or marks it as not ready.
    fn add_template(name: &str, suite: &str) -> String;

    /// The statement that creates an empty database for a template.
    fn create_template(name: &str) -> String;

    /// Runs migrations on a pool that has no other purpose.
    fn migrate(pool: sqlx::Pool<Self::Sqlx>, migrator: &Migrator) -> impl Future<Output = Result<(), Error>>;

    /// Makes a template ready to be copied, after its migrations and seeds.
    fn finish_template(_: &Server<Self>, _name: &str, _: &Migrator) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// Reads from a template what its copies need.
    fn blueprint(
        connection: &mut Connection<Self>,
        template: &str,
    ) -> impl Future<Output = Result<Self::Blueprint, Error>>;

    /// Whether databases are used for further tests.
    fn recycles(isolation: Self::Isolation) -> bool;

    /// Whether the next database is made while a test runs, because each test has a new one.
    fn makes_ahead(isolation: Self::Isolation) -> bool;

    /// Creates a database of this name from the template.
    fn create(
        context: &Context<Self>,
        leases: &mut Leases<Self>,
        name: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Prepares a database that was created for its first test.
    fn prepare(context: &Context<Self>, name: &str) -> impl Future<Output = Result<Prepared<Self>, Error>> + Send;

    /// Makes what a test has instead of a pooled database, where the isolation asks for it.
    fn make_unpooled(_: &Context<Self>) -> impl Future<Output = Option<Result<Database<Self>, Error>>> {
        async { None }
    }

    /// The pool of connections that a test is given.
    fn begin_test(
        context: &Context<Self>,
        database: &mut Database<Self>,
    ) -> impl Future<Output = Result<sqlx::Pool<Self::Sqlx>, Error>>;

    /// Takes the changes of a test back.
    fn restore(
        context: &Context<Self>,
        database: &mut Database<Self>,
    ) -> impl Future<Output = Result<(), NotRecycled>> + Send;

    /// What else may have made a test fail, according to its sessions.
    fn suspicion(_: &Database<Self>) -> Option<String> {
        None
    }

    /// Closes the connections of tests.
    fn close(sessions: Self::Sessions) -> impl Future<Output = ()> + Send;

    /// All rows of a test's database.
    fn contents(
        context: &Context<Self>,
        database: &Database<Self>,
    ) -> impl Future<Output = Result<Contents, Error>> + Send;

    /// What a worker keeps beside its databases.
    fn worker_state() -> Self::WorkerState;

    /// Gives back what a worker kept beside its databases.
    fn close_worker_state(_: &Self::WorkerState) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// What a copy of a template needs beside the template's name.
pub(crate) trait Blueprint:
    Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<T: Clone + Debug + Default + Serialize + DeserializeOwned + Send + Sync + 'static> Blueprint for T {}

/// What notices the changes of a test in its database, and takes them back.
pub(crate) trait Snapshot: Debug + Send + 'static {
    /// Whether the server has answered a moment ago, so that it cannot have been restarted since.
    fn has_just_answered(&self) -> bool;

    /// Whether the server still answers on the connection that has seen the database in its first state.
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    /// Closes the connection.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A database of the pool.
pub(crate) struct Database<D: Driver> {
    pub(crate) name: String,
    /// With everything that is needed to connect, also the password.
    pub(crate) url: String,
    /// The command that shows it to the user.
    pub(crate) client_command: String,
    pub(crate) sessions: D::Sessions,
    /// What takes the changes of a test back, or why that cannot be done.
    pub(crate) snapshot: Result<D::Snapshot, NotRecycled>,
    /// The count of losses of the server when the database was known to be in its first state.
    pub(crate) losses: u32,
}

/// What a new database has before its first test.
pub(crate) struct Prepared<D: Driver> {
    pub(crate) sessions: D::Sessions,
    pub(crate) snapshot: Result<D::Snapshot, NotRecycled>,
}

/// What a worker knows of its databases of one schema.
pub(crate) struct Context<D: Driver> {
    pub(crate) server: Server<D>,
    pub(crate) blueprint: D::Blueprint,
    pub(crate) schema: SchemaFunctions<D>,
    /// How many connections each test may have.
    pub(crate) max_connections: u32,
    /// What the driver keeps beside the databases.
    pub(crate) state: D::WorkerState,
    pub(super) leases: Mutex<Option<Supervisor<Leases<D>>>>,
    pub(super) losses: Losses,
}

impl<D: Driver> Context<D> {
    /// The worker's leases, on a connection that the server has not lost.
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

    /// How often the server was lost and came back.
    pub(crate) fn losses(&self) -> u32 {
        self.losses.count()
    }
}

/// A function that adds the rows that every test starts with.
type Seed<D> = fn(sqlx::Pool<<D as Connect>::Sqlx>) -> LocalFuture<'static, Result<(), Error>>;

/// What a suite says of its database, as functions.
pub(crate) struct SchemaFunctions<D: Driver> {
    pub(crate) isolation: D::Isolation,
    pub(crate) options: fn(Options<D>) -> Options<D>,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "other drivers make all databases from templates")
    )]
    pub(crate) migrator: &'static Migrator,
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
