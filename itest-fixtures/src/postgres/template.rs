//! What makes a template of PostgreSQL ready to be cloned.

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

use itest_runtime::Error;

use super::connection::{PostgresDriver, connect, quoted, run};
use super::culprits::migrations_with;
use crate::database::{OrFailedTo as _, Server, failed_to};

/// Brings a template with all its rows into the form that is cloned.
///
/// # Errors
///
/// When clones of it would not work.
pub(super) async fn finish(server: &Server<PostgresDriver>, name: &str, migrator: &Migrator) -> Result<(), Error> {
    let mut connection = connect(server.address(), Some(name)).await?;
    refuse_subscriptions(migrator, &mut connection).await?;
    // A sequence that has given out a number is some thirty numbers ahead after a crash of the server, unless it was set.
    let set = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value) FROM pg_sequences
               WHERE last_value IS NOT NULL";
    run(&mut connection, "set the sequences of the template database", set).await?;
    // Those of the suite alone: the catalogs would get files of their own for what is free and visible in them, and each clone a copy.
    // Partitions come with their tables.
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
    leave(connection).await?;
    // The first session after a change of the schema writes a file that spares others the search of the catalogs for the catalogs'
    // own definitions; clones get it with the rest.
    leave(connect(server.address(), Some(name)).await?).await?;
    let mut connection = server.connect().await?;
    let close = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", quoted(name));
    run(&mut connection, "close the template database", close).await?;
    leave(connection).await
}

async fn leave(connection: PgConnection) -> Result<(), Error> {
    connection.close().await.map_err(|error| failed_to("leave the template database", &error))
}

/// A subscription belongs to one database of the server and cannot be copied: each clone would subscribe once more.
async fn refuse_subscriptions(migrator: &Migrator, connection: &mut PgConnection) -> Result<(), Error> {
    // Only superusers may read everything of a subscription.
    let found = sqlx::query_scalar(
        "SELECT string_agg(subname, ', ' ORDER BY subname) FROM pg_subscription
         WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let found: Option<String> =
        found.fetch_one(connection).await.map_err(|error| failed_to("look for subscriptions", &error))?;
    let Some(names) = found else { return Ok(()) };
    let culprit = migrations_with(migrator, &["create subscription"]).unwrap_or_else(|| "the seed".to_owned());
    Err(Error::new(format!(
        "{culprit} creates the subscription {names}, which clones of a database cannot have: create it in the tests that need it"
    )))
}
