//! Connections of itest's own, and what a server's refusal means.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use itest_runtime::Error;

use super::address::Address;
use crate::database::{failed_to, told};

/// What itest's own connections are called on the server.
pub(super) const APPLICATION: &str = "itest";

/// None of itest's own statements waits for longer.
const PATIENCE: &str = "5s";

/// So long a server may have no connection left, or be busy with starting or with recovering from a crash.
const BUSY: Duration = Duration::from_secs(20);

/// How often it is asked meanwhile: soon, and then less and less often.
const LOOK: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(100)];

/// A connection of itest's own to one of the server's databases.
pub(super) async fn connect(address: &Address, database: Option<&str>) -> Result<PgConnection, Error> {
    let options = address.options(database)?;
    let options = options.application_name(APPLICATION).options([
        ("lock_timeout", PATIENCE),
        ("statement_timeout", "60s"),
        ("synchronous_commit", "off"),
    ]);
    let (since, mut look) = (Instant::now(), LOOK[0]);
    loop {
        match PgConnection::connect_with(&options).await {
            Err(error) if will_pass(&error) && since.elapsed() < BUSY => tokio::time::sleep(look).await,
            connected => return connected.map_err(|error| refused(address, &options, &error)),
        }
        look = LOOK[1].min(look * 2);
    }
}

fn will_pass(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_transient_in_connect_phase)
}

/// Runs statements that hold no values.
pub(super) async fn run(connection: &mut PgConnection, action: &str, sql: impl Into<String>) -> Result<(), Error> {
    connection.execute(AssertSqlSafe(sql.into())).await.map(drop).map_err(|error| failed_to(action, &error))
}

/// Why a server does not let anyone in, and what to do about it.
fn refused(address: &Address, options: &PgConnectOptions, error: &sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code().map(String::from));
    let remedy = match (code.as_deref(), error) {
        (None, sqlx::Error::Io(_)) if address.is_over() => &address.last_words(),
        (Some("28P01" | "28000"), _) => "; check user and password in the URL, and the server's pg_hba.conf",
        (Some("53300"), _) => "; run fewer workers (--jobs), or raise the server's max_connections",
        (Some("3D000"), _) => "; name a database that is there, such as postgres",
        (None, sqlx::Error::Io(_)) => "; is the server running, and does it listen there?",
        _ => "",
    };
    let user = options.get_username();
    let place = address.in_words();
    Error::new(format!("cannot connect to PostgreSQL at {place} as {user}: {}{remedy}", told(error)))
}

/// A name as SQL quotes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL quotes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
