//! The driver of MariaDB and MySQL for the pool of databases.

use sqlx::mysql::{MySqlConnection, MySqlPool};
use sqlx_core::migrate::Migrator;

use itest_runtime::{Durable, Error};

use super::connection::{MysqlDriver, literal, quoted, run};
use super::databases::Sessions;
use super::inventory::Inventory;
use super::isolation::Isolation;
use super::restore::MysqlSnapshot;
use super::{changes, databases};
use crate::database::{Contents, Context, Database, Driver, Leases, Leftovers, NotRecycled, Prepared, migrate};
use crate::itest::teardown;

/// Drops the databases of a worker.
#[teardown(crate = crate::itest)]
async fn drop_mysql_databases(leftovers: Leftovers) -> Result<(), Error> {
    leftovers.drop_all::<MysqlDriver>().await
}

impl Driver for MysqlDriver {
    type Blueprint = Inventory;
    type Isolation = Isolation;
    type Snapshot = MysqlSnapshot;
    type Sessions = Sessions;
    type WorkerState = ();

    const DATABASES: &'static str =
        "SELECT convert(schema_name USING utf8mb4) FROM information_schema.schemata WHERE schema_name";
    // The server has no shared locks, so a run cannot see whether another run uses a template. It keeps templates that were used recently.
    const OLD_BUILD: &'static str = "AND used < current_timestamp - INTERVAL '1' HOUR";
    const DROP_ALL: fn(Leftovers) -> Durable<Leftovers> = drop_mysql_databases;
    const MAX_DROPS: usize = 2;

    fn add_template(name: &str, suite: &str) -> String {
        let (name, suite) = (literal(name), literal(suite));
        format!("REPLACE INTO itest_leases.template (name, suite) VALUES ({name}, {suite})")
    }

    fn create_template(name: &str) -> String {
        format!("CREATE DATABASE {} CHARACTER SET utf8mb4", quoted(name))
    }

    async fn migrate(pool: MySqlPool, migrator: &Migrator) -> Result<(), Error> {
        migrate(pool, migrator).await
    }

    async fn blueprint(connection: &mut MySqlConnection, template: &str) -> Result<Inventory, Error> {
        Inventory::of(connection, template).await
    }

    fn recycles(isolation: Isolation) -> bool {
        isolation == Isolation::Recycle
    }

    fn makes_ahead(isolation: Isolation) -> bool {
        isolation == Isolation::Clone
    }

    async fn create(context: &Context<Self>, leases: &mut Leases<Self>, name: &str) -> Result<(), Error> {
        let create = format!("CREATE DATABASE {} {}", quoted(name), context.blueprint.properties);
        run(leases.connection(), "create a database", create).await
    }

    async fn prepare(context: &Context<Self>, name: &str) -> Result<Prepared<Self>, Error> {
        databases::prepare(context, name).await
    }

    async fn begin_test(context: &Context<Self>, database: &mut Database<Self>) -> Result<MySqlPool, Error> {
        databases::begin_test(context, database)
    }

    async fn restore(_: &Context<Self>, database: &mut Database<Self>) -> Result<(), NotRecycled> {
        databases::restore(database).await
    }

    async fn close(sessions: Sessions) {
        sessions.close().await;
    }

    async fn contents(context: &Context<Self>, database: &Database<Self>) -> Result<Contents, Error> {
        changes::contents_of(context, database).await
    }

    fn worker_state() {}
}
