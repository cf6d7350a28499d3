//! Tests that misuse their PostgreSQL database, each followed by a test that must not be affected.

use std::sync::LazyLock;
use std::time::Duration;

use itest::postgres::{Cloned, InSchema, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, SqlSafeStr};

itest::main!();

static MIGRATIONS: Migrator = sqlx::migrate!("suites/postgres_migrations");
static BROKEN: Migrator = sqlx::migrate!("suites/postgres_broken");

struct Items;

impl Schema for Items {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        sqlx::query("INSERT INTO item (name) VALUES ('seeded')").execute(pool).await?;
        Ok(())
    }
}

struct BrokenMigration;

impl Schema for BrokenMigration {
    fn migrator() -> &'static Migrator {
        &BROKEN
    }
}

struct BrokenSeed;

impl Schema for BrokenSeed {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        sqlx::query("INSERT INTO nowhere VALUES (1)").execute(pool).await?;
        Ok(())
    }
}

/// Asserts that the table has only the seeded row, and that the next id is 2.
async fn is_fresh(pool: &PgPool) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM item").fetch_all(pool).await?;
    assert_eq!(names, ["seeded"]);
    let id: i64 = sqlx::query_scalar("INSERT INTO item (name) VALUES ('second') RETURNING id").fetch_one(pool).await?;
    assert_eq!(id, 2);
    Ok(())
}

async fn run(pool: &PgPool, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

#[integration_test(tags("good"))]
async fn gets_a_fresh_database(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn keeps_a_connection(db: &Postgres<Items>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    sqlx::query("DELETE FROM item").execute(&mut *connection).await?;
    std::mem::forget(connection);
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_a_kept_connection(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn leaves_a_separate_session_open(db: &Postgres<Items>) -> Result<()> {
    let mut own = PgConnection::connect(db.url()).await?;
    sqlx::raw_sql("BEGIN; LOCK TABLE item").execute(&mut own).await?;
    std::mem::forget(own);
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_a_lock(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn kills_its_backend(db: &Postgres<Items>) -> Result<()> {
    let killed =
        run(&db.pool(), "INSERT INTO item (name) VALUES ('x'); SELECT pg_terminate_backend(pg_backend_pid())").await;
    assert!(killed.is_err());
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_a_killed_backend(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn kills_every_session_of_its_database(db: &Postgres<Items>) -> Result<()> {
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    run(&db.pool(), all).await
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_killed_sessions(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn drops_its_own_database(db: &Postgres<Items>) -> Result<()> {
    let url = db.url().replacen(db.name(), "postgres", 1);
    let mut other = PgConnection::connect(&url).await?;
    let drop = format!("DROP DATABASE \"{}\" WITH (FORCE)", db.name());
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut other).await?;
    other.close().await?;
    Ok(())
}

#[integration_test(tags("bad"))]
async fn gets_another_database_after_a_drop(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn changes_the_schema(db: &Postgres<Items>) -> Result<()> {
    run(&db.pool(), "ALTER TABLE item RENAME TO thing").await
}

#[integration_test(tags("bad"))]
async fn gets_the_original_schema(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// A task holds the locks, and nothing can end that task.
#[integration_test(tags("bad"))]
async fn holds_locks_forever(db: &Postgres<Items>) -> Result<()> {
    let (pool, (locked, is_locked)) = (db.pool(), tokio::sync::oneshot::channel());
    tokio::spawn(async move {
        let mut transaction = pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock(1)").execute(&mut *transaction).await?;
        sqlx::query("LOCK TABLE item IN ACCESS EXCLUSIVE MODE").execute(&mut *transaction).await?;
        let _ = locked.send(());
        std::future::pending::<sqlx::Result<()>>().await
    });
    is_locked.await?;
    Ok(())
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_locks(db: &Postgres<Items>) -> Result<()> {
    let is_free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock(1)").fetch_one(&db.pool()).await?;
    assert!(is_free);
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn changes_its_role(db: &Postgres<Items>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    sqlx::raw_sql("SET SESSION AUTHORIZATION pg_monitor; SET ROLE pg_read_all_stats").execute(&mut *connection).await?;
    Ok(())
}

#[integration_test(tags("bad"))]
async fn gets_its_own_role(db: &Postgres<Items>) -> Result<()> {
    let is_own: bool = sqlx::query_scalar("SELECT current_user = session_user AND current_user !~ '^pg_'")
        .fetch_one(&db.pool())
        .await?;
    assert!(is_own);
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn uses_names_with_quotes(db: &Postgres<Items>) -> Result<()> {
    let names = r#"
        CREATE SCHEMA "o'dd ""one""; DROP TABLE item";
        CREATE TABLE "o'dd ""one""; DROP TABLE item"."t'a""b" ("c'""" serial, d text);
        INSERT INTO "o'dd ""one""; DROP TABLE item"."t'a""b" (d) VALUES ('e''"');
        ALTER TABLE item SET SCHEMA "o'dd ""one""; DROP TABLE item"
    "#;
    run(&db.pool(), names).await
}

#[integration_test(tags("bad"))]
async fn is_unaffected_by_names_with_quotes(db: &Postgres<Items>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn exhausts_its_own_pool(db: &Postgres<InTransaction<Items>>) -> Result<()> {
    let pool = db.pool();
    let _transaction = pool.begin().await?;
    pool.acquire().await?;
    Ok(())
}

#[integration_test(tags("bad"))]
async fn gets_its_own_transaction(db: &Postgres<InTransaction<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test(tags("bad"))]
async fn prepares_a_transaction(db: &Postgres<Cloned<Items>>) -> Result<()> {
    let left = format!("BEGIN; DELETE FROM item; PREPARE TRANSACTION 'left in {}'", db.name());
    run(&db.pool(), &left).await
}

#[integration_test(tags("slow"))]
async fn waits_forever(db: &Postgres<Items>, other: Postgres<Recycled<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await?;
    is_fresh(&other.pool()).await?;
    println!("ready");
    tokio::time::sleep(Duration::from_secs(50)).await;
    Ok(())
}

#[integration_test(tags("broken"))]
fn has_a_broken_migration(_db: &Postgres<BrokenMigration>) {}

#[integration_test(tags("broken"))]
fn has_a_broken_seed(_db: &Postgres<BrokenSeed>) {}

/// Its database stays for inspection.
#[integration_test(ignore = "fails on purpose, for --keep-failed", tags("kept"))]
async fn fails_with_a_row_in_its_database(db: &Postgres<Recycled<Items>>) -> Result<()> {
    run(&db.pool(), "INSERT INTO item (name) VALUES ('evidence')").await?;
    Err("look at the database".into())
}

/// Schemas with a single migration, which fails or is refused.
macro_rules! one_migration {
    ($($schema:ident = $sql:expr;)+) => {
        $(
            struct $schema;

            impl Schema for $schema {
                fn migrator() -> &'static Migrator {
                    static ONE: LazyLock<Migrator> = LazyLock::new(|| {
                        let migration =
                            Migration::new(7, "of the app".into(), MigrationType::Simple, $sql.into_sql_str(), false);
                        Migrator::with_migrations(vec![migration])
                    });
                    &ONE
                }
            }
        )+
    };
}

one_migration! {
    Dump = "CREATE TABLE public.word (id int);\nSELECT pg_catalog.set_config('search_path', '', false);";
    Deferred = "CREATE TABLE word (id int PRIMARY KEY, next int REFERENCES word DEFERRABLE INITIALLY DEFERRED);\n\
                INSERT INTO word VALUES (1, 2);";
    InABlock = "CREATE TABLE word (id int);\nDO $$ BEGIN\n    INSERT INTO word VALUES ('x');\nEND $$;";
    Taken = "CREATE TABLE word (id int); -- ;\nCREATE TABLE word (id bigint);";
    Subscribed = "CREATE SUBSCRIPTION words CONNECTION 'host=127.0.0.1 dbname=none' PUBLICATION words WITH (connect = false);";
    Labelled = "SET LOCAL allow_system_table_mods = on;\n\
                INSERT INTO pg_shseclabel SELECT oid, 'pg_database'::regclass, 'unknown', 'a label'\n\
                FROM pg_database WHERE datname = current_database(); -- SECURITY LABEL ON DATABASE\n\
                COMMENT ON DATABASE postgres IS 'of all tests';";
    Settings = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''7MB''', current_database()); END $$;";
    InPublic = "CREATE TABLE public.word (id int);";
}

#[integration_test(tags("broken"))]
fn has_a_migration_that_empties_the_search_path(_db: &Postgres<Dump>) {}

#[integration_test(tags("broken"))]
fn has_a_migration_that_fails_when_it_is_committed(_db: &Postgres<Deferred>) {}

#[integration_test(tags("broken"))]
fn has_a_migration_that_fails_in_a_block(_db: &Postgres<InABlock>) {}

#[integration_test(tags("broken"))]
fn has_a_migration_without_a_place(_db: &Postgres<Taken>) {}

#[integration_test(tags("broken"))]
fn has_a_migration_with_a_subscription(_db: &Postgres<Subscribed>) {}

#[integration_test(tags("broken"))]
fn has_a_migration_with_an_unknown_label(_db: &Postgres<Labelled>) {}

#[integration_test(tags("broken"))]
fn has_settings_of_the_database_in_a_schema(_db: &Postgres<InSchema<Settings>>) {}

#[integration_test(tags("broken"))]
fn has_a_dump_in_a_schema(_db: &Postgres<InSchema<Dump>>) {}

#[integration_test(tags("shared"))]
fn has_a_table_in_public(#[values(1, 2)] _again: u32, _db: &Postgres<InSchema<InPublic>>) {}

#[integration_test(tags("bad"))]
async fn makes_its_database_a_template(db: &Postgres<Items>) -> Result<()> {
    run(&db.pool(), &format!("ALTER DATABASE \"{}\" IS_TEMPLATE true", db.name())).await
}

#[integration_test(tags("bad"))]
async fn gets_a_database_that_is_no_template(db: &Postgres<Items>) -> Result<()> {
    let is_template = "SELECT datistemplate FROM pg_database WHERE datname = current_database()";
    let is_template: bool = sqlx::query_scalar(is_template).fetch_one(&db.pool()).await?;
    assert!(!is_template);
    is_fresh(&db.pool()).await
}

/// Migrations that wait for other sessions of their database, such as `CREATE INDEX CONCURRENTLY`.
struct Concurrent;

impl Schema for Concurrent {
    fn migrator() -> &'static Migrator {
        static TWO: LazyLock<Migrator> = LazyLock::new(|| {
            let migration = |version, sql: &'static str, no_tx| {
                Migration::new(version, "concurrent".into(), MigrationType::Simple, sql.into_sql_str(), no_tx)
            };
            let table = "CREATE TABLE word AS SELECT g AS id FROM generate_series(1, 1000) g";
            let index = "CREATE INDEX CONCURRENTLY word_id ON word (id)";
            Migrator::with_migrations(vec![migration(1, table, false), migration(2, index, true)])
        });
        &TWO
    }
}

#[integration_test(tags("concurrent"))]
async fn has_a_concurrent_migration(
    #[values(1, 2, 3, 4, 5, 6)] _number: u32,
    db: &Postgres<InSchema<Concurrent>>,
) -> Result<()> {
    run(&db.pool(), "SELECT count(*) FROM word").await
}

/// The database of a test whose pool stays open cannot be recycled.
#[integration_test(tags("wasteful"))]
async fn keeps_its_pool_busy(#[values(1, 2, 3, 4, 5)] _again: u32, db: &Postgres<Recycled<Items>>) -> Result<()> {
    std::mem::forget(db.pool().acquire().await?);
    Ok(())
}

#[integration_test(tags("wasteful"))]
async fn changes_its_schema(db: &Postgres<Recycled<Items>>) -> Result<()> {
    run(&db.pool(), "CREATE TABLE extra (id int)").await
}

#[integration_test(tags("wasteful"))]
async fn leaves_its_database_recyclable(#[values(1, 2)] _again: u32, db: &Postgres<Recycled<Items>>) -> Result<()> {
    is_fresh(&db.pool()).await
}
