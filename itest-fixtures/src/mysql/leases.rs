//! The tables of leases on MariaDB and MySQL, and how leased databases are dropped.

use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::{MysqlDriver, literal, quoted, run};
use super::rights::revoke_all;
use crate::database::{LeaseTables, OrFailedTo as _};
use crate::service::Address;

/// How long the server may take to end sessions that their clients have closed.
const SESSION_TIMEOUT: Duration = Duration::from_millis(200);

/// The pause between two checks whether the sessions have ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Drops a database and the rights in it. It kills the sessions that use the database, because they may lock its tables.
async fn drop_database(connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
    for session in remaining_sessions(connection, name).await? {
        // An error is ignored, because the session may have ended already.
        let _ = run(connection, "end a session", format!("KILL {session}")).await;
    }
    revoke_all(connection, name).await;
    run(connection, &format!("drop the database {name}"), format!("DROP DATABASE IF EXISTS {}", quoted(name))).await
}

/// Waits for sessions to end, and returns those that do not end by themselves. Killing a session that is just ending may kill the next
/// session in the same thread of the server.
async fn remaining_sessions(connection: &mut MySqlConnection, database: &str) -> Result<Vec<i64>, Error> {
    let since = Instant::now();
    loop {
        let query = "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> connection_id()";
        let sessions: Vec<i64> = sqlx::query_scalar(query)
            .bind(database)
            .fetch_all(&mut *connection)
            .await
            .or_failed_to("list the sessions in a database")?;
        if sessions.is_empty() || since.elapsed() > SESSION_TIMEOUT {
            return Ok(sessions);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

impl LeaseTables for MysqlDriver {
    const TABLES: &'static str = "
        CREATE DATABASE IF NOT EXISTS itest_leases CHARACTER SET utf8mb4;
        CREATE TABLE IF NOT EXISTS itest_leases.owner (
            id int AUTO_INCREMENT PRIMARY KEY, host varchar(255) NOT NULL, process int NOT NULL,
            since timestamp NOT NULL DEFAULT current_timestamp);
        CREATE TABLE IF NOT EXISTS itest_leases.lease (
            name varchar(64) PRIMARY KEY, owner int NOT NULL, since timestamp NOT NULL DEFAULT current_timestamp);
        CREATE TABLE IF NOT EXISTS itest_leases.template (
            name varchar(64) PRIMARY KEY, suite text NOT NULL, is_ready bool NOT NULL DEFAULT false,
            used timestamp NOT NULL DEFAULT current_timestamp);";

    fn add_owner(owner: u32, host: &str, process: u32) -> String {
        let host = literal(host);
        format!("INSERT IGNORE INTO itest_leases.owner (id, host, process) VALUES ({owner}, {host}, {process})")
    }

    async fn drop_database(_: &Address, connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
        drop_database(connection, name).await
    }
}
