//! Migrations that need care: those that wait for other sessions, and dumps that leave settings on their session.

use std::sync::LazyLock;

use itest::postgres::{Cloned, InSchema, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

/// Migrations that wait until no other session of the database sees the past.
struct Concurrent;

impl Schema for Concurrent {
    fn migrator() -> &'static Migrator {
        static CONCURRENT: Migrator = sqlx::migrate!("tests/postgres/concurrent");
        &CONCURRENT
    }
}

async fn is_migrated(pool: &PgPool) -> Result<()> {
    let words: i64 = sqlx::query_scalar("SELECT count(*) FROM word WHERE mood IS NULL").fetch_one(pool).await?;
    assert_eq!(words, 2000);
    Ok(())
}

/// Several workers migrate their schemas at a time.
#[integration_test]
async fn schemas_side_by_side_are_migrated_concurrently(
    #[values(1, 2, 3, 4, 5, 6, 7, 8)] _number: u32,
    db: &Postgres<InSchema<Concurrent>>,
) -> Result<()> {
    is_migrated(&db.pool()).await
}

/// One session of the test waits for a lock that another one holds, which has no owner any more. A migration that waits for all older
/// sessions, as those above, must not wait for these two.
#[integration_test]
async fn sessions_that_a_test_left_do_not_keep_other_schemas_from_being_migrated(
    #[values(1, 2)] _number: u32,
    db: &Postgres<InSchema<Concurrent>>,
) -> Result<()> {
    let pool = db.pool();
    let (mut holds, mut waits) = (pool.acquire().await?, pool.acquire().await?);
    // The pool takes no notice of a transaction that begins in the text of a query.
    sqlx::raw_sql("BEGIN; LOCK TABLE word").execute(&mut *holds).await?;
    drop(holds);
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let _ = tell.send(());
        sqlx::raw_sql("TRUNCATE word").execute(&mut *waits).await
    });
    Ok(told.await?)
}

#[integration_test]
async fn template_is_migrated_concurrently(#[values(1, 2)] _number: u32, db: &Postgres<Concurrent>) -> Result<()> {
    is_migrated(&db.pool()).await
}

/// A dump that empties the search path, in a suite that names the schema of sqlx's table.
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

async fn finds_the_dumps_tables(pool: &PgPool) -> Result<()> {
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
    finds_the_dumps_tables(&recycled.pool()).await?;
    finds_the_dumps_tables(&cloned.pool()).await?;
    finds_the_dumps_tables(&in_transaction.pool()).await
}
