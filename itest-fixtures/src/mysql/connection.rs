//! Opens itest's own connections, and explains why a server refuses one.

use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use itest_runtime::Error;

use crate::database::{Connect, Locate as _, OrFailedTo as _, describe, failed_to};
use crate::service::{Address, RefusedLogin, retry};

/// How long a server may have no free connection.
const FULL_TIMEOUT: Duration = Duration::from_secs(10);

/// The first pause between two attempts to connect to a full server.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// The driver for MariaDB and MySQL.
#[derive(Debug)]
pub(crate) struct MysqlDriver;

/// Opens a connection for itest itself, without a current database unless one is named.
pub(super) async fn connect(address: &Address, database: Option<&str>) -> Result<MySqlConnection, Error> {
    let options = MysqlDriver::options(address, database)?.disable_statement_logging();
    let connected = retry(FULL_TIMEOUT, FIRST_PAUSE, || MySqlConnection::connect_with(&options), is_full).await;
    connected.map_err(|error| refused(address, options.get_username(), &error))
}

/// Opens a connection for itest itself, without waiting for a server that has no free connection.
pub(super) async fn connect_once(address: &Address) -> Result<MySqlConnection, Error> {
    let options = MysqlDriver::options(address, None)?.disable_statement_logging();
    let connected = MySqlConnection::connect_with(&options).await;
    connected.map_err(|error| refused(address, options.get_username(), &error))
}

fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("08004"))
}

/// Runs statements without parameters.
pub(super) async fn run(connection: &mut MySqlConnection, action: &str, sql: impl Into<String>) -> Result<(), Error> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(connection).await;
    run.map(drop).map_err(|error| failed_to(action, &error))
}

/// Runs a query with one column of text and returns its values.
pub(super) async fn column(connection: &mut MySqlConnection, action: &str, sql: String) -> Result<Vec<String>, Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await.or_failed_to(action)?;
    rows.iter().map(|row| text(row, 0)).collect::<Result<_, _>>().or_failed_to(action)
}

/// The error of a refused connection, with the remedy.
fn refused(address: &Address, user: &str, error: &sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code().map(String::from));
    let log = address.end_of_log();
    let remedy = match (code.as_deref(), error) {
        (Some("28000"), _) if !address.is_private() => "; check user and password in the URL",
        (Some("08004" | "HY000"), _) => "; run fewer workers (--jobs), or raise the server's max_connections",
        (None, sqlx::Error::Io(_)) => log.as_deref().unwrap_or("; is the server running, and does it listen there?"),
        _ => "",
    };
    let place = address.in_words(|| MysqlDriver::place(address));
    let message = format!("cannot connect to MariaDB or MySQL at {place} as {user}: {}{remedy}", describe(error));
    if code.as_deref() == Some("28000") { RefusedLogin::error(message) } else { Error::new(message) }
}

/// The text of a column, even if the server declares it as binary.
pub(super) fn text(row: &MySqlRow, column: usize) -> Result<String, sqlx::Error> {
    match row.try_get::<String, _>(column) {
        Ok(text) => Ok(text),
        Err(_) => Ok(String::from_utf8_lossy(&row.try_get_unchecked::<Vec<u8>, _>(column)?).into_owned()),
    }
}

/// Quotes a name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Quotes a text as an SQL literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

impl Connect for MysqlDriver {
    type Sqlx = sqlx::MySql;

    fn literal(text: &str) -> String {
        literal(text)
    }

    async fn connect(address: &Address, database: Option<&str>) -> Result<MySqlConnection, Error> {
        connect(address, database).await
    }

    async fn run(connection: &mut MySqlConnection, action: &str, sql: String) -> Result<(), Error> {
        run(connection, action, sql).await
    }

    async fn column(connection: &mut MySqlConnection, action: &str, sql: String) -> Result<Vec<String>, Error> {
        column(connection, action, sql).await
    }
}
