//! The template of a suite: a database with all migrations and seeds, built once per server and copied for the tests.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::ConnectOptions;
use sqlx::pool::PoolOptions;
use sqlx_core::migrate::Migrator;

use itest_runtime::{Error, Teardown};

use super::connect::{Connect as _, Connection, Locate as _, close};
use super::leases::{LeaseTables as _, MARK, drop_template};
use super::locks::{Lock, Locks as _, lock};
use super::migrations::Migrations;
use super::pool::Driver;
use super::schema::{Schema, seed};
use super::server::{Facts as _, Server};
use crate::itest::fixture;
use crate::service::{Fingerprint, build_of_this_binary};

/// How long to wait for another process that builds the same template.
const BUILD_TIMEOUT: Duration = Duration::from_mins(5);

/// How long to wait until the session that was building a template has ended.
const DROP_TIMEOUT: Duration = Duration::from_secs(3);

const READ: &str = "read the table of templates";
const WRITE: &str = "write to the table of templates";

/// The template that the databases of tests are copied from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Template<S: Schema> {
    /// The name of the database.
    pub(crate) name: String,
    /// The information that copies need in addition to the name.
    pub(crate) blueprint: <S::Driver as Driver>::Blueprint,
    #[serde(skip)]
    schema: PhantomData<fn() -> S>,
}

impl<S: Schema> Template<S> {
    /// Finds the template, or builds it. If the server has shared locks, the session holds one, so that other runs do not drop the
    /// template.
    async fn provide(server: &Server<S::Driver>, teardown: &Teardown) -> Result<Self, Error> {
        if !S::HAS_TEMPLATE {
            return Ok(Self { name: String::new(), blueprint: Default::default(), schema: PhantomData });
        }
        if let Some(reason) = server.facts.refuse_to_create(&server.place()) {
            return Err(Error::new(reason));
        }
        let name = format!("{MARK}template_{}", Self::fingerprint(server));
        let suite = format!("{} of {}", S::identity(), std::env::current_exe().unwrap_or_default().display());
        let is_built = drop_if_not_built(server, &name, teardown);
        let mut connection = server.connect().await?;
        S::Driver::share_template(&mut connection, &name).await?;
        lock::<S::Driver>(&mut connection, Lock::Migrate(&name), BUILD_TIMEOUT).await?;
        let built = Self::build_once(server, &mut connection, &name, &suite).await;
        S::Driver::unlock(&mut connection, Lock::Migrate(&name)).await?;
        built?;
        is_built.store(true, Ordering::Relaxed);
        let blueprint = S::Driver::blueprint(&mut connection, &name).await?;
        if !server.ends_with_run() {
            drop_earlier_builds(server, &mut connection, &name, &suite).await?;
        }
        teardown.defer("stop using the template", async move { close::<S::Driver>(connection).await });
        Ok(Self { name, blueprint, schema: PhantomData })
    }

    /// A hash of all inputs of a template: migrations, seeds and server version.
    fn fingerprint(server: &Server<S::Driver>) -> String {
        let fingerprint = match S::migrations() {
            Migrations::Sqlx(migrator) => {
                let migrations = migrator.iter().map(|migration| (migration.version, &migration.checksum));
                Fingerprint::default().with(&migrations.collect::<Vec<_>>())
            }
            Migrations::ByUrl(functions) => Fingerprint::default().with(&(functions.version)()),
        };
        fingerprint.with(&(S::identity(), build_of_this_binary())).with(&server.facts.version()).text()
    }

    async fn build_once(
        server: &Server<S::Driver>,
        connection: &mut Connection<S::Driver>,
        name: &str,
        suite: &str,
    ) -> Result<(), Error> {
        let listed = S::Driver::literal(name);
        let is_ready = format!("name = {listed} AND is_ready");
        let used = format!("UPDATE itest_leases.template SET used = current_timestamp WHERE {is_ready}");
        S::Driver::run(connection, WRITE, used).await?;
        let ready = format!("SELECT name FROM itest_leases.template WHERE {is_ready}");
        let is_ready = !S::Driver::column(connection, READ, ready).await?.is_empty();
        let exists = format!("{} = {listed}", S::Driver::DATABASES);
        if is_ready && !S::Driver::column(connection, "list the databases", exists).await?.is_empty() {
            return Ok(());
        }
        // The row is added before the database is created. If this process dies in between, a later run still finds the row and drops the
        // database.
        S::Driver::run(connection, WRITE, S::Driver::add_template(name, suite)).await?;
        // Another process may have died while it built this template, and left an incomplete database.
        S::Driver::drop_database(server.address(), connection, name).await?;
        S::Driver::run(connection, "create the template database", S::Driver::create_template(name)).await?;
        Self::fill(server, name).await?;
        S::Driver::run(connection, WRITE, S::Driver::complete_template(name)).await
    }

    async fn fill(server: &Server<S::Driver>, name: &str) -> Result<(), Error> {
        let migrations = S::migrations();
        match migrations {
            Migrations::Sqlx(migrator) => Self::migrate_and_seed(server, name, migrator).await?,
            Migrations::ByUrl(functions) => functions.fill(S::Driver::url(server.address(), name)?.url).await?,
        }
        S::Driver::finish_template(server, name, &migrations).await
    }

    async fn migrate_and_seed(server: &Server<S::Driver>, name: &str, migrator: &Migrator) -> Result<(), Error> {
        // The statements are not logged, because their log would appear in the output of an unrelated test.
        let options = S::options(S::Driver::options(server.address(), Some(name))?).disable_statement_logging();
        S::Driver::migrate(PoolOptions::new().connect_lazy_with(options.clone()), migrator).await?;
        // The seeds run in new sessions, which have the settings that the migrations made for the database.
        let pool = PoolOptions::new().connect_lazy_with(options);
        let seeded = seed::<S>(&pool).await;
        pool.close().await;
        seeded
    }
}

/// Registers a step that drops the template and its row if it is not complete when the fixture ends, because its migrations or seeds have
/// failed, panicked or exceeded the time limit. Returns the flag that the template is complete.
fn drop_if_not_built<D: Driver>(server: &Server<D>, name: &str, teardown: &Teardown) -> Arc<AtomicBool> {
    let is_built = Arc::new(AtomicBool::new(false));
    let (flag, server, name) = (Arc::clone(&is_built), server.clone(), name.to_owned());
    teardown.defer("drop the incomplete template", async move {
        if flag.load(Ordering::Relaxed) { Ok(()) } else { drop_incomplete(&server, &name).await }
    });
    is_built
}

async fn drop_incomplete<D: Driver>(server: &Server<D>, name: &str) -> Result<(), Error> {
    // An error is ignored: if the server is lost, the next run drops the template. The tests report the cause.
    let Ok(mut connection) = server.connect().await else { return Ok(()) };
    // If another process holds the lock, it builds the template again, and drops the incomplete one first.
    if lock::<D>(&mut connection, Lock::Migrate(name), DROP_TIMEOUT).await.is_err() {
        return Ok(());
    }
    let listed = format!("name = {}", D::literal(name));
    let incomplete = format!("SELECT name FROM itest_leases.template WHERE {listed} AND NOT is_ready");
    if !D::column(&mut connection, READ, incomplete).await?.is_empty() {
        D::drop_database(server.address(), &mut connection, name).await?;
        D::run(&mut connection, WRITE, format!("DELETE FROM itest_leases.template WHERE {listed}")).await?;
    }
    D::unlock(&mut connection, Lock::Migrate(name)).await?;
    close::<D>(connection).await;
    Ok(())
}

/// Drops the templates of earlier builds of the same suite.
async fn drop_earlier_builds<D: Driver>(
    server: &Server<D>,
    connection: &mut Connection<D>,
    name: &str,
    suite: &str,
) -> Result<(), Error> {
    let (name, suite) = (D::literal(name), D::literal(suite));
    let earlier =
        format!("SELECT name FROM itest_leases.template WHERE suite = {suite} AND name <> {name} {}", D::OLD_BUILD);
    for earlier in D::column(connection, READ, earlier).await? {
        drop_template::<D>(server.address(), connection, &earlier).await?;
    }
    Ok(())
}

/// The template of a suite, built or found once per run.
#[fixture(scope = "session", crate = crate::itest)]
async fn template<S: Schema>(server: &Server<S::Driver>, teardown: &Teardown) -> Result<Template<S>, Error> {
    Template::provide(server, teardown).await
}
