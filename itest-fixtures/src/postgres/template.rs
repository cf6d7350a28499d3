//! Prepares a template database of PostgreSQL for cloning.

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

use itest_runtime::Error;

use super::connection::{PostgresDriver, connect, quoted, run};
use super::culprits::migrations_with;
use crate::database::{OrFailedTo as _, Server, failed_to};

/// Prepares a template that has all its migrations and seeds.
///
/// # Errors
///
/// When the template contains something that clones cannot have.
pub(super) async fn finish(server: &Server<PostgresDriver>, name: &str, migrator: &Migrator) -> Result<(), Error> {
    let mut connection = connect(server.address(), Some(name)).await?;
    refuse_subscriptions(migrator, &mut connection).await?;
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

/// Refuses a template with subscriptions, because a subscription belongs to one database of the server and each clone would subscribe
/// again.
async fn refuse_subscriptions(migrator: &Migrator, connection: &mut PgConnection) -> Result<(), Error> {
    // The query reads only columns that are readable without superuser rights.
    let names = sqlx::query_scalar(
        "SELECT string_agg(subname, ', ' ORDER BY subname) FROM pg_subscription
         WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let names: Option<String> =
        names.fetch_one(connection).await.map_err(|error| failed_to("look for subscriptions", &error))?;
    let Some(names) = names else { return Ok(()) };
    let culprit = migrations_with(migrator, &["create subscription"]).unwrap_or_else(|| "the seed".to_owned());
    Err(Error::new(format!(
        "{culprit} creates the subscription {names}, which clones of a database cannot have: create it in the tests that need it"
    )))
}
