//! Tests of special migrations: those that wait for other sessions, and dumps that leave settings on their session.

use std::sync::LazyLock;

use itest::postgres::{Cloned, InSchema, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

/// Migrations with concurrent operations, which wait until no other session of the database has an older snapshot.
struct Concurrent;

impl Schema for Concurrent {
    fn migrator() -> &'static Migrator {
        static CONCURRENT: Migrator = sqlx::migrate!("tests/postgres/concurrent");
        &CONCURRENT
    }
}

async fn check_migrated(pool: &PgPool) -> Result<()> {
    let words: i64 = sqlx::query_scalar("SELECT count(*) FROM word WHERE mood IS NULL").fetch_one(pool).await?;
    assert_eq!(words, 2000);
    Ok(())
}

/// Several workers migrate their schemas at a time.
#[integration_test]
async fn several_workers_run_concurrent_migrations_in_their_schemas(
    #[values(1, 2, 3, 4, 5, 6, 7, 8)] _number: u32,
    db: &Postgres<InSchema<Concurrent>>,
) -> Result<()> {
    check_migrated(&db.pool()).await
}

/// After the test, one of its sessions still waits for a lock that another idle session of the test holds. A migration with concurrent
/// operations must not wait for these two sessions.
#[integration_test]
async fn sessions_that_a_test_left_do_not_block_other_migrations(
    #[values(1, 2)] _number: u32,
    db: &Postgres<InSchema<Concurrent>>,
) -> Result<()> {
    let pool = db.pool();
    let (mut blocking, mut waiting) = (pool.acquire().await?, pool.acquire().await?);
    // The pool does not notice a transaction that a query begins with `BEGIN` in its text.
    sqlx::raw_sql("BEGIN; LOCK TABLE word").execute(&mut *blocking).await?;
    drop(blocking);
    let (started_sender, started) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let _ = started_sender.send(());
        sqlx::raw_sql("TRUNCATE word").execute(&mut *waiting).await
    });
    Ok(started.await?)
}

#[integration_test]
async fn template_is_migrated_concurrently(#[values(1, 2)] _number: u32, db: &Postgres<Concurrent>) -> Result<()> {
    check_migrated(&db.pool()).await
}

/// A dump that empties the search path. The suite qualifies sqlx's table with its schema.
struct Dump;

impl Schema for Dump {
    fn migrator() -> &'static Migrator {
        static DUMP: LazyLock<Migrator> = LazyLock::new(|| {
            let mut migrator = sqlx::migrate!("tests/postgres/dump");
            migrator.dangerous_set_table_name("public._sqlx_migrations");
            migrator
        });
        &DUMP
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        sqlx::query("INSERT INTO word VALUES (1, 'seeded', 'good')").execute(pool).await?;
        Ok(())
    }
}

async fn check_tables_of_the_dump(pool: &PgPool) -> Result<()> {
    let words: Vec<String> = sqlx::query_scalar("SELECT text FROM word").fetch_all(pool).await?;
    assert_eq!(words, ["seeded"]);
    Ok(())
}

#[integration_test]
async fn empty_search_path_of_a_dump_stays_in_its_session(
    recycled: &Postgres<Recycled<Dump>>,
    cloned: &Postgres<Cloned<Dump>>,
    in_transaction: &Postgres<InTransaction<Dump>>,
) -> Result<()> {
    check_tables_of_the_dump(&recycled.pool()).await?;
    check_tables_of_the_dump(&cloned.pool()).await?;
    check_tables_of_the_dump(&in_transaction.pool()).await
}
