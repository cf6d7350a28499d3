//! The connection pool.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::config::Config;

/// The pool closes connections that are idle for this long.
const IDLE_TIMEOUT: Duration = Duration::from_mins(10);

/// The server ends sessions that are idle in a transaction for this long, so that a hanging service does not keep its locks.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a pool whose sessions have the configured time limits.
///
/// # Errors
///
/// When the database cannot be reached.
pub async fn connect(options: PgConnectOptions, config: &Config) -> Result<PgPool, sqlx::Error> {
    let milliseconds = |limit: Duration| limit.as_millis().to_string();
    let options = options.application_name("bank").options([
        ("lock_timeout", milliseconds(config.lock_timeout)),
        ("statement_timeout", milliseconds(config.statement_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(IDLE_IN_TRANSACTION_TIMEOUT)),
    ]);
    PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(config.acquire_timeout)
        .idle_timeout(IDLE_TIMEOUT)
        .connect_with(options)
        .await
}
