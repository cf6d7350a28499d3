//! Whether a server looks like one for tests: itest makes and drops databases there.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::query_scalar;

use itest_runtime::Error;

use crate::database::{failed_to, is_allowed, refusal, suspicion};

/// Refuses a server that does not look like one for tests, unless it is allowed by name. `name` is the variable with its URL.
pub(super) async fn check(name: &str, options: &PgConnectOptions, connection: &mut PgConnection) -> Result<(), Error> {
    let host = options.get_host();
    let database: String = query_scalar("SELECT current_database()::text").fetch_one(&mut *connection).await?;
    if is_allowed(host, &database) {
        return Ok(());
    }
    let reason = match suspicion(host, options.get_socket().is_some(), &database) {
        Some(reason) => Some(reason),
        None => foreign_tables(&database, connection).await?,
    };
    reason.map_or(Ok(()), |reason| Err(refusal(name, host, &database, &reason)))
}

/// A database with tables is somebody's, unless its name says what it is for. What `#[sqlx::test]` leaves is nobody's.
async fn foreign_tables(database: &str, connection: &mut PgConnection) -> Result<Option<String>, Error> {
    if database.to_lowercase().contains("test") {
        return Ok(None);
    }
    let count: i64 = query_scalar(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'p') AND c.oid >= 16384 AND nspname NOT LIKE 'itest\\_%' AND nspname NOT LIKE 'pg\\_%'
         AND nspname <> '_sqlx_test'",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| failed_to("look at the server's database", &error))?;
    let tables = if count == 1 { "a table".to_owned() } else { format!("{count} tables") };
    Ok((count > 0).then(|| format!("its database, {database}, holds {tables} of somebody's")))
}
