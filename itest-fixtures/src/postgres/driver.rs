//! The driver of PostgreSQL for the pool of databases.

use sqlx::PgConnection;
use sqlx::postgres::PgPool;
use sqlx_core::migrate::Migrator;

use itest_runtime::{Durable, Error};

use super::connection::{PostgresDriver, literal, quoted};
use super::isolation::Isolation;
use super::properties::Properties;
use super::restore::PostgresSnapshot;
use super::sessions::Sessions;
use super::{changes, databases, locks, template};
use crate::database::{
    Contents, Context, Database, Driver, Leases, Leftovers, Migrations, NotRecycled, Prepared, Server, migrate,
};
use crate::itest::teardown;

/// Drops the databases of a worker.
#[teardown(crate = crate::itest)]
async fn drop_postgres_databases(leftovers: Leftovers) -> Result<(), Error> {
    leftovers.drop_all::<PostgresDriver>().await
}

impl Driver for PostgresDriver {
    type Blueprint = Properties;
    type Isolation = Isolation;
    type Snapshot = PostgresSnapshot;
    type Sessions = Sessions;
    type WorkerState = databases::WorkerState;

    const DATABASES: &'static str = "SELECT datname::text FROM pg_database WHERE datname";
    // No further condition: a process that uses a template holds a shared lock, so the template is not dropped.
    const OLD_BUILD: &'static str = "";
    const DROP_ALL: fn(Leftovers) -> Durable<Leftovers> = drop_postgres_databases;
    // Several drops at a time share the checkpoint that a durable server makes for a drop.
    const MAX_DROPS: usize = 4;

    fn add_template(name: &str, suite: &str) -> String {
        let (number, name, suite) = (locks::number_of(name), literal(name), literal(suite));
        format!(
            "INSERT INTO itest_leases.template (name, number, suite) VALUES ({name}, {number}, {suite})
             ON CONFLICT (name) DO UPDATE SET is_ready = false"
        )
    }

    fn complete_template(name: &str) -> String {
        // A commit that waits for the write-ahead log also writes the log of all commits before it, which did not wait.
        format!(
            "SET LOCAL synchronous_commit = on;
             UPDATE itest_leases.template SET is_ready = true WHERE name = {}",
            literal(name)
        )
    }

    fn create_template(name: &str) -> String {
        format!("CREATE DATABASE {}", quoted(name))
    }

    async fn migrate(pool: PgPool, migrator: &Migrator) -> Result<(), Error> {
        migrate(pool, migrator).await
    }

    async fn finish_template(server: &Server<Self>, name: &str, migrations: &Migrations) -> Result<(), Error> {
        template::finish(server, name, migrations).await
    }

    async fn blueprint(connection: &mut PgConnection, template: &str) -> Result<Properties, Error> {
        Properties::of(connection, template).await
    }

    fn recycles(isolation: Isolation) -> bool {
        matches!(isolation, Isolation::Recycle | Isolation::Transaction)
    }

    fn makes_ahead(isolation: Isolation) -> bool {
        isolation == Isolation::Clone
    }

    async fn create(context: &Context<Self>, leases: &mut Leases<Self>, name: &str) -> Result<(), Error> {
        databases::clone_template(context, leases.connection(), name).await
    }

    async fn prepare(context: &Context<Self>, name: &str) -> Result<Prepared<Self>, Error> {
        databases::prepare(context, name).await
    }

    async fn make_unpooled(context: &Context<Self>) -> Option<Result<Database<Self>, Error>> {
        if context.schema.isolation == Isolation::Schema { Some(databases::make_schema(context).await) } else { None }
    }

    async fn begin_test(context: &Context<Self>, database: &mut Database<Self>) -> Result<PgPool, Error> {
        databases::begin_test(context, database).await
    }

    async fn restore(context: &Context<Self>, database: &mut Database<Self>) -> Result<(), NotRecycled> {
        databases::restore(context, database).await
    }

    fn suspicion(database: &Database<Self>) -> Option<String> {
        database.sessions.suspicion()
    }

    async fn close(sessions: Sessions) {
        sessions.close().await;
    }

    async fn contents(context: &Context<Self>, database: &Database<Self>) -> Result<Contents, Error> {
        changes::contents_of(context, database).await
    }

    fn worker_state() -> databases::WorkerState {
        databases::WorkerState::default()
    }

    async fn close_worker_state(state: &databases::WorkerState) {
        state.close().await;
    }
}
