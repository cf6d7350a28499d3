//! The tables of leases on PostgreSQL, and how leased databases and schemas are dropped.

use sqlx::{Connection, PgConnection};

use itest_runtime::Error;

use super::connection::{PostgresDriver, column, connect, literal, quoted, run};
use crate::database::{LeaseTables, OrFailedTo as _};
use crate::service::Address;

/// How often itest terminates the sessions that use a schema, and tries to drop it.
const SCHEMA_DROP_ATTEMPTS: u32 = 5;

/// Drops the database with this name, or else the schema.
async fn drop_namespace(address: &Address, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    let databases = format!("SELECT datname::text FROM pg_database WHERE datname = {}", literal(name));
    if column(connection, "list the databases", databases).await?.is_empty() {
        drop_schema(connection, name).await
    } else {
        drop_database(address, connection, name).await
    }
}

/// Drops a schema, and terminates the sessions that still use it.
///
/// The drop waits only briefly for a lock, because a waiting session blocks concurrent operations (`CREATE INDEX CONCURRENTLY`) in all
/// schemas of the database.
async fn drop_schema(connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    let action = format!("drop the schema {name}");
    let drop = format!("SET LOCAL lock_timeout = '200ms'; DROP SCHEMA IF EXISTS {} CASCADE", quoted(name));
    for _ in 0..SCHEMA_DROP_ATTEMPTS {
        if run(connection, &action, drop.clone()).await.is_ok() {
            return Ok(());
        }
        let users = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND pid IN (
                SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                JOIN pg_namespace n ON n.oid = c.relnamespace
                JOIN pg_database d ON d.oid = l.database
                WHERE n.nspname = $1 AND d.datname = current_database())";
        // This role may not be allowed to terminate the sessions of another role. Then the drop fails, and its error says why.
        let _ = sqlx::query(users).bind(name).execute(&mut *connection).await;
    }
    run(connection, &action, drop).await
}

/// Drops a database and terminates its sessions. It first removes everything that `DROP DATABASE WITH (FORCE)` does not remove.
async fn drop_database(address: &Address, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
    let action = format!("drop the database {name}");
    let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
    if run(connection, &action, drop.clone()).await.is_ok() {
        return Ok(());
    }
    // A database that is marked as a template cannot be dropped, and a database that refuses connections cannot be cleaned up.
    let open = format!("ALTER DATABASE {} IS_TEMPLATE false ALLOW_CONNECTIONS true", quoted(name));
    let _ = run(connection, &action, open).await;
    let Err(error) = run(connection, &action, drop.clone()).await else { return Ok(()) };
    // Prepared transactions, replication slots and subscriptions prevent the drop, and only a session in the same database can remove them.
    let Ok(mut inside) = connect(address, Some(name)).await else { return Err(error) };
    let obstacles = "SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts WHERE database = current_database()
                UNION ALL SELECT format('SELECT pg_drop_replication_slot(%L)', slot_name) FROM pg_replication_slots
                WHERE database = current_database() AND NOT active
                UNION ALL SELECT format('ALTER SUBSCRIPTION %1$I DISABLE; ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', subname)
                FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let obstacles: Vec<String> = sqlx::query_scalar(obstacles)
        .fetch_all(&mut inside)
        .await
        .or_failed_to("list what prevents the drop of a database")?;
    for removal in obstacles {
        run(&mut inside, &action, removal).await?;
    }
    let _ = inside.close().await;
    run(connection, &action, drop).await
}

impl LeaseTables for PostgresDriver {
    const TABLES: &'static str = "
        BEGIN;
        SELECT pg_advisory_xact_lock(6117, 0);
        CREATE SCHEMA IF NOT EXISTS itest_leases;
        CREATE TABLE IF NOT EXISTS itest_leases.owner (
            id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            host text NOT NULL, process int NOT NULL, since timestamptz NOT NULL DEFAULT now());
        CREATE TABLE IF NOT EXISTS itest_leases.lease (
            name text PRIMARY KEY, owner int NOT NULL, since timestamptz NOT NULL DEFAULT now());
        CREATE TABLE IF NOT EXISTS itest_leases.template (
            name text PRIMARY KEY, number int NOT NULL, suite text NOT NULL, is_ready bool NOT NULL DEFAULT false,
            used timestamptz NOT NULL DEFAULT now());
        COMMIT;";

    fn add_owner(owner: u32, host: &str, process: u32) -> String {
        format!(
            "INSERT INTO itest_leases.owner (id, host, process) OVERRIDING SYSTEM VALUE
             VALUES ({owner}, {}, {process}) ON CONFLICT (id) DO NOTHING",
            literal(host)
        )
    }

    async fn drop_database(address: &Address, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
        drop_database(address, connection, name).await
    }

    async fn drop_namespace(address: &Address, connection: &mut PgConnection, name: &str) -> Result<(), Error> {
        drop_namespace(address, connection, name).await
    }
}
