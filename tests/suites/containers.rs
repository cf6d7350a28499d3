//! Tests on databases whose servers are in containers.

use std::time::Duration;

use itest::mysql::{self, Mysql};
use itest::postgres::{self, Postgres};
use itest::prelude::*;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool};

itest::main!();

struct Items;

impl postgres::Schema for Items {
    fn migrator() -> &'static Migrator {
        static MIGRATIONS: Migrator = sqlx::migrate!("suites/postgres_migrations");
        &MIGRATIONS
    }
}

impl mysql::Schema for Items {
    fn migrator() -> &'static Migrator {
        static MIGRATIONS: Migrator = sqlx::migrate!("suites/mysql_migrations");
        &MIGRATIONS
    }
}

async fn setting(pool: &PgPool, name: &str) -> Result<String> {
    Ok(sqlx::query_scalar(AssertSqlSafe(format!("SHOW {name}"))).fetch_one(pool).await?)
}

#[integration_test(tags("postgres"))]
async fn keeps_items_in_postgres(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    let insert = sqlx::query_scalar("INSERT INTO item (name) VALUES ('new') RETURNING id");
    let id: i64 = insert.fetch_one(&db.pool()).await?;
    assert_eq!(id, 1, "the database is as new");
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn durability_settings_are_off(db: &Postgres<Items>) -> Result<()> {
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(setting(&db.pool(), name).await?, "off", "{name}");
    }
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn keeps_items_in_mysql(#[values(1, 2, 3)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    let inserted = sqlx::query("INSERT INTO item (name) VALUES ('new')").execute(&db.pool()).await?;
    assert_eq!(inserted.last_insert_id(), 1, "the database is as new");
    Ok(())
}

#[integration_test(tags("waits"))]
async fn waits_forever(_db: &Postgres<Items>) {
    println!("ready");
    tokio::time::sleep(Duration::from_secs(50)).await;
}

#[integration_test(ignore = "fails on purpose, for --keep-failed", tags("kept"))]
async fn fails_with_two_databases(_one: &Postgres<Items>, _other: &Mysql<Items>) -> Result<()> {
    Err("look at the databases".into())
}
