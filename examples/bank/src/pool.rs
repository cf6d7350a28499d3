//! The connections to the database.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::config::Config;

/// Connections that nobody needs are closed after it.
const IDLE: Duration = Duration::from_mins(10);

/// The server ends what has begun and does not go on, so that a service that hangs locks nobody out.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

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
        ("idle_in_transaction_session_timeout", milliseconds(IDLE_IN_TRANSACTION)),
    ]);
    PgPoolOptions::new()
        .max_connections(config.connections)
        .acquire_timeout(config.acquire_timeout)
        .idle_timeout(IDLE)
        .connect_with(options)
        .await
}
