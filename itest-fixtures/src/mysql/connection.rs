//! Connections of itest's own, and what a server's refusal means.

use std::time::{Duration, Instant};

use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Connection, Row};

use itest_runtime::Error;

use super::address::Address;
use crate::database::{failed_to, told};

/// So long a server may have no connection left, or be busy with starting.
const BUSY: Duration = Duration::from_secs(10);

/// How often it is asked meanwhile: soon, and then less and less often.
const LOOK: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(100)];

/// A connection of itest's own, in no database unless one is named.
pub(super) async fn connect(address: &Address, database: Option<&str>) -> Result<MySqlConnection, Error> {
    let options = address.options(database)?;
    let (since, mut look) = (Instant::now(), LOOK[0]);
    loop {
        match MySqlConnection::connect_with(&options).await {
            Err(error) if is_full(&error) && since.elapsed() < BUSY => tokio::time::sleep(look).await,
            connected => return connected.map_err(|error| refused(address, options.get_username(), &error)),
        }
        look = LOOK[1].min(look * 2);
    }
}

fn is_full(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("08004"))
}

/// Runs statements that hold no values.
pub(super) async fn run(connection: &mut MySqlConnection, action: &str, sql: impl Into<String>) -> Result<(), Error> {
    let run = sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(connection).await;
    run.map(drop).map_err(|error| failed_to(action, &error))
}

/// Why a server does not let anyone in, and what to do about it.
fn refused(address: &Address, user: &str, error: &sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code().map(String::from));
    let remedy = match (code.as_deref(), error) {
        (None, sqlx::Error::Io(_)) if address.is_over() => &address.last_words(),
        (Some("28000"), _) => "; check user and password in the URL",
        (Some("08004" | "HY000"), _) => "; run fewer workers (--jobs), or raise the server's max_connections",
        (None, sqlx::Error::Io(_)) => "; is the server running, and does it listen there?",
        _ => "",
    };
    Error::new(format!(
        "cannot connect to MariaDB or MySQL at {} as {user}: {}{remedy}",
        address.in_words(),
        told(error)
    ))
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
