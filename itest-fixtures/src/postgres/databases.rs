//! Creates the databases of tests, and restores them after each test.

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};

use itest_runtime::Error;

use super::address::with_settings;
use super::connection::{PostgresDriver, column, literal, quoted, run};
use super::inventory::NoSnapshot;
use super::isolation::Isolation;
use super::migration_lock::MigrationLock;
use super::pool::{self, Returned, TestTransaction, reset};
use super::restore::PostgresSnapshot;
use super::sessions::Sessions;
use super::shared::{changing_the_database, with_shared_names};
use super::task_count::TaskCount;
use super::transaction::begin;
use crate::database::{
    Context, Database, Locate as _, Migrations, NotRecycled, OrFailedTo as _, Prepared, UrlFunctions, migrate,
};

/// The state of a worker that does not belong to one database.
#[derive(Debug)]
pub(crate) struct WorkerState {
    migration_lock: MigrationLock,
    task_count: TaskCount,
}

impl Default for WorkerState {
    fn default() -> Self {
        Self { migration_lock: MigrationLock::default(), task_count: TaskCount::new() }
    }
}

impl WorkerState {
    pub(super) async fn close(&self) {
        self.migration_lock.close().await;
    }
}

/// Creates a database as a clone of the template.
pub(super) async fn clone_template(
    context: &Context<PostgresDriver>,
    connection: &mut PgConnection,
    name: &str,
) -> Result<(), Error> {
    // Copying the files is faster, unless the server waits until they are on the disk.
    let strategy = if context.server.facts.is_durable { "WAL_LOG" } else { "FILE_COPY" };
    let (database, template) = (quoted(name), quoted(context.blueprint.template()));
    let clone = format!("CREATE DATABASE {database} TEMPLATE {template} STRATEGY {strategy}");
    run(connection, "clone the template database", clone).await?;
    // The properties of the template itself, such as its settings, are not part of the copy.
    let Some(script) = context.blueprint.script(name) else { return Ok(()) };
    run(connection, "copy the properties of the template database to a clone", script).await.map_err(|error| {
        let culprit = changing_the_database(&context.schema.migrations);
        Error::new(format!(
            "{culprit} changes the database itself (its settings, rights, owner, comment or labels): {error}"
        ))
    })
}

/// Prepares a clone for its first test.
pub(super) async fn prepare(context: &Context<PostgresDriver>, name: &str) -> Result<Prepared<PostgresDriver>, Error> {
    let isolation = context.schema.isolation;
    let snapshot = match (isolation, context.blueprint.setting_that_hides_changes()) {
        (Isolation::Clone, _) => Err(NotRecycled::new("it is a clone of one test")),
        (_, Some(setting)) => Err(NotRecycled::new(format!("the migrations set {setting} for the database"))),
        _ => match PostgresSnapshot::of(context.server.address(), name).await {
            Ok(snapshot) => Ok(snapshot),
            Err(NoSnapshot::NotRecyclable(reason)) => Err(NotRecycled::new(reason)),
            Err(NoSnapshot::Failed(error)) => return Err(error),
        },
    };
    let sessions = Sessions::new(options_of_tests(context, name)?, isolation, context.max_connections);
    Ok(Prepared { sessions, snapshot })
}

/// The options with which the sessions of tests connect to a database.
fn options_of_tests(context: &Context<PostgresDriver>, name: &str) -> Result<PgConnectOptions, Error> {
    let mut options = PostgresDriver::options(context.server.address(), Some(name))?;
    if context.server.facts.is_durable {
        // The rows of a test need not survive a crash, so no session waits for the disk.
        options = options.options([("synchronous_commit", "off")]);
    }
    Ok((context.schema.options)(options))
}

/// Creates, migrates and seeds a schema in the database of the URL.
pub(super) async fn make_schema(context: &Context<PostgresDriver>) -> Result<Database<PostgresDriver>, Error> {
    let (name, losses) = {
        let mut leases = context.leases().await?;
        let name = leases.take().await?;
        run(leases.connection(), "create a schema", format!("CREATE SCHEMA {}", quoted(&name))).await?;
        (name, context.losses())
    };
    let server = &context.server;
    // The schema `public` is in the path because it contains the objects of extensions.
    let path = format!("{name},public");
    let options = PostgresDriver::options(server.address(), server.lease_database.database.as_deref())?;
    let database = options.get_database().unwrap_or(options.get_username()).to_owned();
    let options = (context.schema.options)(options.options([("search_path", &path)]));
    let mut url = PostgresDriver::url(server.address(), &database)?;
    url.url = with_settings(&url.url, &format!("-c search_path={path}"));
    let sessions = Sessions::new(options.clone(), context.schema.isolation, context.max_connections);
    match context.schema.migrations {
        Migrations::Sqlx(migrator) => {
            let migrating = PgPoolOptions::new().connect_lazy_with(options.disable_statement_logging());
            let migrated = context.state.migration_lock.migrate(server, migrate(migrating, migrator)).await;
            migrated.map_err(|error| with_shared_names(migrator, &error))?;
            (context.schema.seed)(sessions.pool.clone()).await?;
        }
        Migrations::ByUrl(functions) => fill_schema(context, functions, &name, url.url.clone()).await?,
    }
    Ok(Database {
        url,
        client_command: PostgresDriver::client_command(server.address(), &database)?,
        snapshot: Err(NotRecycled::new("it is a schema of one test")),
        name,
        sessions,
        losses,
    })
}

/// Fills a schema by the URL that sets it as the search path.
async fn fill_schema(
    context: &Context<PostgresDriver>,
    functions: UrlFunctions,
    schema: &str,
    url: String,
) -> Result<(), Error> {
    const SHARED: &str = "with Isolation::Schema, `migrate` is called for each test with a URL whose parameter `options` sets search_path, \
                          and all tests share the other schemas of the database";
    let filled = context.state.migration_lock.migrate(&context.server, functions.fill(url)).await;
    filled.map_err(|error| Error::new(format!("{error}\n{SHARED}")))?;
    let tables =
        format!("SELECT relname::text FROM pg_class WHERE relnamespace = {}::regnamespace LIMIT 1", literal(schema));
    if column(context.leases().await?.connection(), "list the tables of a schema", tables).await?.is_empty() {
        return Err(Error::new(format!(
            "the function `migrate` of the schema {} has created nothing in the schema of the test, which is the first one of search_path: \
             its client ignores the parameter `options` of the URL, or its tables are in a named schema: use Isolation::Recycle or \
             Isolation::Clone\n{SHARED}",
            functions.schema
        )));
    }
    Ok(())
}

/// The connections for a test that begins.
pub(super) async fn begin_test(
    context: &Context<PostgresDriver>,
    database: &mut Database<PostgresDriver>,
) -> Result<PgPool, Error> {
    if context.schema.isolation != Isolation::Schema {
        context.state.task_count.update_baseline();
    }
    let connections = database.sessions.pool.clone();
    if context.schema.isolation == Isolation::Transaction {
        begin(&connections).await.or_failed_to("begin the transaction around the test")?;
    }
    Ok(connections)
}

/// Reverts the changes of a test.
pub(super) async fn restore(
    context: &Context<PostgresDriver>,
    database: &mut Database<PostgresDriver>,
) -> Result<(), NotRecycled> {
    let Database { name, sessions, snapshot, .. } = database;
    let snapshot = snapshot.as_mut().map_err(|not_recycled| not_recycled.clone())?;
    // From now on, a task that waits for a connection of this pool does not get one.
    sessions.generation.end();
    let isolation = context.schema.isolation;
    let transaction = if isolation == Isolation::Transaction { TestTransaction::Open } else { TestTransaction::Absent };
    let (mut ids, mut connections) = match reset(&sessions.pool, transaction).await {
        Returned::All(ids, connections) => (ids, connections),
        Returned::Missing(count) => {
            return Err(NotRecycled::new("the test keeps connections of its pool").with(format!("{count} of them")));
        }
    };
    if snapshot.needs_new_sessions() || context.state.task_count.has_leftovers().await {
        // A task of this test that is still running may use the pool. A new pool keeps its statements away from the next test.
        connections.clear();
        sessions.close().await;
        ids.clear();
        let options = options_of_tests(context, name).map_err(|error| NotRecycled::new(error.to_string()))?;
        sessions.replace_pool(options, isolation, context.max_connections);
    }
    let (restored, ()) = tokio::join!(snapshot.restore(&ids), pool::give_back(connections));
    restored?;
    sessions.generation.begin();
    Ok(())
}
