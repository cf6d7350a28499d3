//! Prepares a template database of PostgreSQL for cloning.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use itest_runtime::Error;

use super::connection::{PostgresDriver, column, connect, quoted, run};
use super::culprits::cause_with;
use crate::database::{Migrations, OrFailedTo as _, Server, failed_to};

/// How long other sessions may still be in the template database when its migrations and seeds have returned.
const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

/// How often itest checks whether these sessions have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Prepares a template that has all its migrations and seeds.
///
/// # Errors
///
/// When the template contains something that clones cannot have.
pub(super) async fn finish(server: &Server<PostgresDriver>, name: &str, migrations: &Migrations) -> Result<(), Error> {
    let mut connection = connect(server.address(), Some(name)).await?;
    wait_for_other_sessions(migrations, &mut connection).await?;
    refuse_subscriptions(migrations, &mut connection).await?;
    // After a crash of the server, a used sequence continues about 32 numbers later, unless it was set explicitly.
    let set = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value) FROM pg_sequences
               WHERE last_value IS NOT NULL";
    run(&mut connection, "set the sequences of the template database", set).await?;
    // Only the tables of the suite are vacuumed. A vacuum of the catalogs would add a free space map and a visibility map to each of them,
    // and every clone would copy these files. Partitions are vacuumed with their tables.
    let tables = "SELECT string_agg(oid::regclass::text, ',') FROM pg_class
                  WHERE relkind IN ('r', 'p', 'm') AND NOT relispartition AND oid >= 16384";
    let tables: Option<String> = sqlx::query_scalar(tables)
        .fetch_one(&mut connection)
        .await
        .or_failed_to("list the tables of the template database")?;
    if let Some(tables) = tables {
        let vacuum = format!("VACUUM (FREEZE, ANALYZE) {tables}");
        run(&mut connection, "vacuum the template database", vacuum).await?;
    }
    close(connection).await?;
    // The first session after a change of the schema writes a file that caches the definitions of the catalogs. Clones copy this file, so
    // their sessions start faster.
    close(connect(server.address(), Some(name)).await?).await?;
    let mut connection = server.connect().await?;
    let forbid_connections = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", quoted(name));
    run(&mut connection, "close the template database", forbid_connections).await?;
    close(connection).await
}

async fn close(connection: PgConnection) -> Result<(), Error> {
    connection.close().await.map_err(|error| failed_to("leave the template database", &error))
}

/// Waits until all other sessions have ended, because the server does not clone a database that a session uses. A client may close its
/// connections after the function that used them has returned.
async fn wait_for_other_sessions(migrations: &Migrations, connection: &mut PgConnection) -> Result<(), Error> {
    const OTHERS: &str =
        "SELECT coalesce(nullif(a.application_name, ''), 'without a name') || ', ' || coalesce(a.state, 'unknown')
        FROM pg_stat_activity AS a JOIN pg_database AS d ON d.oid = a.datid
        WHERE d.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'";
    let began = Instant::now();
    loop {
        let others = column(connection, "list the sessions in the template database", OTHERS).await?;
        let Some(first) = others.first() else { return Ok(()) };
        if began.elapsed() > SESSION_TIMEOUT {
            return Err(Error::new(format!(
                "{} leaves {} of its connections to the template database open (application name and state of the first: {first}), \
                 and a database in use cannot be cloned: close them before the function returns",
                migrations.cause_outside_of_the_text(),
                others.len(),
            )));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Refuses a template with subscriptions, because a subscription belongs to one database of the server and each clone would subscribe
/// again.
async fn refuse_subscriptions(migrations: &Migrations, connection: &mut PgConnection) -> Result<(), Error> {
    // The query reads only columns that are readable without superuser rights.
    let names = sqlx::query_scalar(
        "SELECT string_agg(subname, ', ' ORDER BY subname) FROM pg_subscription
         WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let names: Option<String> =
        names.fetch_one(connection).await.map_err(|error| failed_to("look for subscriptions", &error))?;
    let Some(names) = names else { return Ok(()) };
    let culprit = cause_with(migrations, &["create subscription"]);
    Err(Error::new(format!(
        "{culprit} creates the subscription {names}, which clones of a database cannot have: create it in the tests that need it"
    )))
}
