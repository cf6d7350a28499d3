//! A URL opens the database of its test, and no other one.

use itest::prelude::*;
use itest::sqlite::{Schema, Sqlite};
use sqlx::SqlitePool;

use crate::schema::{InFile, Lax};

async fn opens_the_same_database<S: Schema>(db: &Sqlite<S>, url: &str) -> Result<()> {
    sqlx::query("INSERT INTO parent VALUES (1)").execute(&db.pool()).await?;
    let other = SqlitePool::connect(url).await?;
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM parent").fetch_all(&other).await?;
    assert_eq!(ids, [1], "{url} opens another database");
    sqlx::query("INSERT INTO parent VALUES (2)").execute(&other).await?;
    other.close().await;
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM parent ORDER BY id").fetch_all(&db.pool()).await?;
    assert_eq!(ids, [1, 2], "{url} opens another database");
    Ok(())
}

#[integration_test]
async fn url_of_a_database_in_memory_opens_it(db: &Sqlite<Lax>) -> Result<()> {
    opens_the_same_database(db, db.url()).await
}

#[integration_test]
async fn url_of_a_database_in_a_file_opens_it(db: &Sqlite<InFile<Lax>>) -> Result<()> {
    opens_the_same_database(db, db.url()).await
}

/// Libraries that parse a URL before sqlx does (`sqlx::any`) do not change such a URL.
#[integration_test]
fn url_parses_as_one_with_an_empty_host(memory: &Sqlite<Lax>, file: &Sqlite<InFile<Lax>>) {
    assert!(memory.url().starts_with("sqlite:///"), "{}", memory.url());
    assert!(file.url().starts_with("sqlite:///"), "{}", file.url());
}
