//! Template and tests connect with the same options, and a copy has the same features as its template.

use itest::prelude::*;
use itest::sqlite::{Schema, Sqlite};
use sqlx::{AssertSqlSafe, SqlitePool};

use crate::schema::{InFile, Lax, RareFeatures, ReadOnly, Words};

async fn pragma(pool: &SqlitePool, name: &str) -> Result<String> {
    let statement = format!("SELECT CAST({name} AS text) FROM pragma_{name}");
    Ok(sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(pool).await?)
}

async fn check_collation<S: Schema>(db: &Sqlite<S>) -> Result<()> {
    let pool = db.pool();
    for word in ["APPLE", "pear"] {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM word WHERE text = ?").bind(word).fetch_one(&pool).await?;
        assert_eq!(count, 1, "{word}");
    }
    assert_eq!(pragma(&pool, "page_size").await?, "8192");
    Ok(())
}

#[integration_test]
async fn collation_of_the_options_works_everywhere_in_memory(db: &Sqlite<Words>) -> Result<()> {
    check_collation(db).await
}

#[integration_test]
async fn collation_of_the_options_works_everywhere_in_a_file(db: &Sqlite<InFile<Words>>) -> Result<()> {
    check_collation(db).await
}

/// The seed of `Lax` fails if it runs on the session of the migrations.
#[integration_test]
async fn session_setting_of_a_migration_does_not_reach_the_seed_in_memory(db: &Sqlite<Lax>) -> Result<()> {
    assert_eq!(pragma(&db.pool(), "foreign_keys").await?, "1");
    Ok(())
}

#[integration_test]
async fn session_setting_of_a_migration_does_not_reach_the_seed_in_a_file(db: &Sqlite<InFile<Lax>>) -> Result<()> {
    assert_eq!(pragma(&db.pool(), "foreign_keys").await?, "1");
    Ok(())
}

async fn check_equal_copy<S: Schema>(db: &Sqlite<S>) -> Result<()> {
    let pool = db.pool();
    for (name, expected) in [
        ("user_version", "42"),
        ("application_id", "1234567"),
        ("auto_vacuum", "1"),
        ("page_size", "2048"),
        ("encoding", "UTF-16le"),
        ("integrity_check", "ok"),
    ] {
        assert_eq!(pragma(&pool, name).await?, expected, "{name}");
    }
    let rows: Vec<i64> = sqlx::query_scalar("SELECT rowid FROM note ORDER BY rowid").fetch_all(&pool).await?;
    assert_eq!(rows, [3, 9]);
    let texts: Vec<String> = sqlx::query_scalar("SELECT text FROM note_search ('ninth')").fetch_all(&pool).await?;
    assert_eq!(texts, ["ninth"]);
    let areas: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM area WHERE west < 3 AND east > 3").fetch_all(&pool).await?;
    assert_eq!(areas, [1]);
    sqlx::query("INSERT INTO area VALUES (2, 2.5, 9.0)").execute(&pool).await?;
    sqlx::query("INSERT INTO note_search (rowid, text) VALUES (10, 'tenth')").execute(&pool).await?;
    Ok(())
}

#[integration_test]
async fn copy_in_memory_keeps_pragmas_rowids_and_virtual_tables(
    #[values(1, 2)] _again: u32,
    db: &Sqlite<RareFeatures>,
) -> Result<()> {
    check_equal_copy(db).await
}

#[integration_test]
async fn copy_in_a_file_keeps_pragmas_rowids_and_virtual_tables(
    #[values(1, 2)] _again: u32,
    db: &Sqlite<InFile<RareFeatures>>,
) -> Result<()> {
    check_equal_copy(db).await
}

#[integration_test]
async fn read_only_options_do_not_prevent_building_the_template(
    memory: &Sqlite<ReadOnly>,
    file: &Sqlite<InFile<ReadOnly>>,
) -> Result<()> {
    for pool in [memory.pool(), file.pool()] {
        let parents: i64 = sqlx::query_scalar("SELECT count(*) FROM parent").fetch_one(&pool).await?;
        assert_eq!(parents, 0);
        assert!(sqlx::query("INSERT INTO parent VALUES (1)").execute(&pool).await.is_err());
    }
    Ok(())
}
