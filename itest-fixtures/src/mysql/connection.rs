//! Connections of itest's own, and what a server's refusal means.

use std::time::Duration;

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use itest_runtime::Error;

use crate::database::{Connect, Locate as _, OrFailedTo as _, describe, failed_to};
use crate::service::{Address, LOG_FOLLOWS, retry};

/// How long a server may have no free connection, or be busy with starting.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The first pause between two attempts to connect meanwhile.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// MariaDB or MySQL.
#[derive(Debug)]
pub(crate) struct MysqlDriver;

/// A connection of itest's own, in no database unless one is named.
pub(super) async fn connect(address: &Address, database: Option<&str>) -> Result<MySqlConnection, Error> {
    let options = MysqlDriver::options(address, database)?.disable_statement_logging();
    let connected = retry(BUSY_TIMEOUT, FIRST_PAUSE, || MySqlConnection::connect_with(&options), is_full).await;
    connected.map_err(|error| refused(address, options.get_username(), &error))
}

fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("08004"))
}

/// Runs statements that hold no values.
pub(super) async fn run(connection: &mut MySqlConnection, action: &str, sql: impl Into<String>) -> Result<(), Error> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(connection).await;
    run.map(drop).map_err(|error| failed_to(action, &error))
}

/// The values of a query with one column of text.
pub(super) async fn column(connection: &mut MySqlConnection, action: &str, sql: String) -> Result<Vec<String>, Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await.or_failed_to(action)?;
    rows.iter().map(|row| text(row, 0)).collect::<Result<_, _>>().or_failed_to(action)
}

/// Why a server does not let anyone in, and what to do about it.
fn refused(address: &Address, user: &str, error: &sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code().map(String::from));
    let remedy = match (code.as_deref(), error) {
        (None, sqlx::Error::Io(_)) if address.has_ended() => &end_of_log(address),
        (Some("28000"), _) => "; check user and password in the URL",
        (Some("08004" | "HY000"), _) => "; run fewer workers (--jobs), or raise the server's max_connections",
        (None, sqlx::Error::Io(_)) => "; is the server running, and does it listen there?",
        _ => "",
    };
    Error::new(format!(
        "cannot connect to MariaDB or MySQL at {} as {user}: {}{remedy}",
        address.in_words(|| MysqlDriver::place(address)),
        describe(error)
    ))
}

/// What a private server that has ended wrote last.
fn end_of_log(address: &Address) -> String {
    address.private().map(|server| format!("{LOG_FOLLOWS}{}", server.end_of_log())).unwrap_or_default()
}

/// A column's text, whether the server calls it text or bytes.
pub(super) fn text(row: &MySqlRow, column: usize) -> Result<String, sqlx::Error> {
    match row.try_get::<String, _>(column) {
        Ok(text) => Ok(text),
        Err(_) => Ok(String::from_utf8_lossy(&row.try_get_unchecked::<Vec<u8>, _>(column)?).into_owned()),
    }
}

/// A name as SQL quotes it.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL quotes it.
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
