//! Opens itest's own connections, and explains why a server refuses one.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use itest_runtime::Error;

use crate::database::{Connect, Locate as _, OrFailedTo as _, describe, failed_to};
use crate::service::{Address, RefusedLogin, retry};

/// The application name of itest's own connections.
pub(super) const APPLICATION: &str = "itest";

/// The settings of itest's own sessions, which override those of the database and the role.
const SETTINGS: [(&str, &str); 9] = [
    // No statement of itest waits longer for a lock.
    ("lock_timeout", "5s"),
    ("statement_timeout", "60s"),
    // sqlx would log the server's notices.
    ("client_min_messages", "error"),
    ("idle_session_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("synchronous_commit", "off"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "read committed"),
    // A schema of the suite in the path before the catalog may contain functions with the same names.
    ("search_path", "pg_catalog"),
];

/// How long a server may have no free connection, or may be starting or recovering from a crash.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The first pause between two attempts to connect to a busy server.
const FIRST_PAUSE: Duration = Duration::from_millis(3);

/// The driver for PostgreSQL.
#[derive(Debug)]
pub(crate) struct PostgresDriver;

/// Opens a connection for itest itself to one of the server's databases.
pub(super) async fn connect(address: &Address, database: Option<&str>) -> Result<PgConnection, Error> {
    let options = PostgresDriver::options(address, database)?;
    let options = options.application_name(APPLICATION).options(SETTINGS).disable_statement_logging();
    let connected = retry(BUSY_TIMEOUT, FIRST_PAUSE, || PgConnection::connect_with(&options), is_busy).await;
    connected.map_err(|error| refused(address, &options, &error))
}

/// Opens a connection for itest itself, without waiting for a busy server.
pub(super) async fn connect_once(address: &Address) -> Result<PgConnection, Error> {
    let options = PostgresDriver::options(address, None)?.application_name(APPLICATION).disable_statement_logging();
    let connected = PgConnection::connect_with(&options).await;
    connected.map_err(|error| refused(address, &options, &error))
}

fn is_busy(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_transient_in_connect_phase)
}

/// Runs statements without parameters.
pub(super) async fn run(connection: &mut PgConnection, action: &str, sql: impl Into<String>) -> Result<(), Error> {
    connection.execute(AssertSqlSafe(sql.into())).await.map(drop).map_err(|error| failed_to(action, &error))
}

/// Runs a query with one column of text and returns its values.
pub(super) async fn column(
    connection: &mut PgConnection,
    action: &str,
    sql: impl Into<String>,
) -> Result<Vec<String>, Error> {
    sqlx::query_scalar(AssertSqlSafe(sql.into())).fetch_all(connection).await.or_failed_to(action)
}

/// The error of a refused connection, with the remedy.
fn refused(address: &Address, options: &PgConnectOptions, error: &sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code().map(String::from));
    let log = address.end_of_log();
    let remedy = match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) if !address.is_private() => {
            "; check user and password in the URL, and the server's pg_hba.conf"
        }
        (Some("53300"), _) => "; run fewer workers (--jobs), or raise the server's max_connections",
        (Some("3D000"), _) => "; name a database that is there, such as postgres",
        (None, sqlx::Error::Io(_)) => log.as_deref().unwrap_or("; is the server running, and does it listen there?"),
        _ => "",
    };
    let user = options.get_username();
    let place = address.in_words(|| PostgresDriver::place(address));
    let message = format!("cannot connect to PostgreSQL at {place} as {user}: {}{remedy}", describe(error));
    if matches!(code.as_deref(), Some("28P01" | "28000")) { RefusedLogin::error(message) } else { Error::new(message) }
}

/// Quotes a name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text as an SQL literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Connect for PostgresDriver {
    type Sqlx = sqlx::Postgres;

    fn literal(text: &str) -> String {
        literal(text)
    }

    async fn connect(address: &Address, database: Option<&str>) -> Result<PgConnection, Error> {
        connect(address, database).await
    }

    async fn run(connection: &mut PgConnection, action: &str, sql: String) -> Result<(), Error> {
        run(connection, action, sql).await
    }

    async fn column(connection: &mut PgConnection, action: &str, sql: String) -> Result<Vec<String>, Error> {
        column(connection, action, sql).await
    }
}
