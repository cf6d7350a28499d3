//! Locks of a PostgreSQL server, as advisory locks.

use sqlx::PgConnection;

use itest_runtime::Error;

use super::connection::PostgresDriver;
use crate::database::{Lock, Locks, OrFailedTo as _};

const TAKE: &str = "take a lock of the server";

/// The two keys of an advisory lock. The first key is the same for all locks of a kind.
fn keys(lock: Lock<'_>) -> (i32, i32) {
    match lock {
        Lock::Owner(owner) => (6117, i32::try_from(owner).unwrap_or_default()),
        Lock::Migrate(database) => (6118, number_of(database)),
        Lock::Use(template) => (6119, number_of(template)),
    }
}

/// The number of a template: the first digits of the hash in its name. Other databases have the number 0.
pub(super) fn number_of(template: &str) -> i32 {
    let hash = template.rsplit('_').next().and_then(|hash| hash.get(..7));
    hash.and_then(|digits| i32::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

impl Locks for PostgresDriver {
    async fn try_lock(connection: &mut PgConnection, lock: Lock<'_>) -> Result<bool, Error> {
        let (kind, number) = keys(lock);
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)").bind(kind).bind(number);
        lock.fetch_one(connection).await.or_failed_to(TAKE)
    }

    async fn share_template(connection: &mut PgConnection, template: &str) -> Result<(), Error> {
        let (kind, number) = keys(Lock::Use(template));
        let lock = sqlx::query("SELECT pg_advisory_lock_shared($1, $2)").bind(kind).bind(number);
        lock.execute(connection).await.map(drop).or_failed_to(TAKE)
    }

    async fn unlock(connection: &mut PgConnection, lock: Lock<'_>) -> Result<(), Error> {
        let (kind, number) = keys(lock);
        let unlock = sqlx::query("SELECT pg_advisory_unlock($1, $2)").bind(kind).bind(number);
        unlock.execute(connection).await.map(drop).or_failed_to("release a lock of the server")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_a_template_is_taken_from_the_hash_in_its_name() {
        assert_eq!(number_of("itest_template_00000ff123456789"), 0xff);
        assert_eq!(number_of("itest_1_2"), 0);
        assert_eq!(number_of(""), 0);
    }
}
