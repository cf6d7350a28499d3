//! Locks of a MariaDB or MySQL server, as named locks.

use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::{MysqlDriver, literal, run};
use crate::database::{Lock, Locks, OrFailedTo as _};

fn name(lock: Lock<'_>) -> String {
    match lock {
        Lock::Owner(owner) => format!("itest_owner_{owner}"),
        // Building and using a template share one lock, so that a template is not dropped while it is built.
        Lock::Migrate(database) | Lock::Use(database) => database.to_owned(),
    }
}

impl Locks for MysqlDriver {
    async fn try_lock(connection: &mut MySqlConnection, lock: Lock<'_>) -> Result<bool, Error> {
        let taken = sqlx::query_scalar("SELECT GET_LOCK(?, 0)").bind(name(lock)).fetch_one(connection).await;
        let taken: Option<i64> = taken.or_failed_to("take a lock of the server")?;
        Ok(taken == Some(1))
    }

    async fn unlock(connection: &mut MySqlConnection, lock: Lock<'_>) -> Result<(), Error> {
        run(connection, "release a lock of the server", format!("DO RELEASE_LOCK({})", literal(&name(lock)))).await
    }
}
