//! Rows in the shared database: selected by a unique key, or never committed.

use itest::prelude::*;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{ConnectOptions, Connection};

use crate::office::Books;
use crate::surroundings::work_for;

/// Adds a note with a random key, which is unique even if the same test runs in another process.
async fn add_note(pool: &SqlitePool, text: &str) -> Result<String> {
    let add = sqlx::query_scalar("INSERT INTO notes VALUES (hex(randomblob(16)), ?) RETURNING id");
    Ok(add.bind(text).fetch_one(pool).await?)
}

async fn note(pool: &SqlitePool, id: &str) -> Result<Option<String>> {
    Ok(sqlx::query_scalar("SELECT text FROM notes WHERE id = ?").bind(id).fetch_optional(pool).await?)
}

#[integration_test]
async fn a_note_is_read_back(books: &Books, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)] n: u32) -> Result<()> {
    let id = add_note(books.pool(), &n.to_string()).await?;
    assert_eq!(note(books.pool(), &id).await?, Some(n.to_string()));
    Ok(())
}

/// Reads, waits, writes, waits and reads, like the lost updates, but on its own row.
#[integration_test]
async fn a_note_is_rewritten(books: &Books, #[values(1, 2)] before: u64, #[values(1, 2)] after: u64) -> Result<()> {
    let id = add_note(books.pool(), "draft").await?;
    work_for(before).await;
    sqlx::query("UPDATE notes SET text = 'fair copy' WHERE id = ?").bind(&id).execute(books.pool()).await?;
    work_for(after).await;
    assert_eq!(note(books.pool(), &id).await?.as_deref(), Some("fair copy"));
    Ok(())
}

#[integration_test]
async fn a_note_is_taken_away(books: &Books, #[values(0, 1, 2, 3, 4, 5, 6, 7)] n: u32) -> Result<()> {
    let id = add_note(books.pool(), &n.to_string()).await?;
    sqlx::query("DELETE FROM notes WHERE id = ?").bind(&id).execute(books.pool()).await?;
    assert_eq!(note(books.pool(), &id).await?, None);
    Ok(())
}

/// Changes rows of all tests in a transaction that is rolled back, so that no other test sees the changes.
#[integration_test]
#[case::guests("DELETE FROM guests", "SELECT count(*) FROM guests")]
#[case::orders("DELETE FROM orders", "SELECT count(*) FROM orders")]
#[case::users("DELETE FROM users", "SELECT count(*) FROM users")]
#[case::settings("DELETE FROM settings", "SELECT count(*) FROM settings")]
#[case::stock("DELETE FROM stock", "SELECT count(*) FROM stock")]
#[case::accounts("DELETE FROM accounts", "SELECT count(*) FROM accounts")]
async fn everything_can_be_deleted(
    books: &Books,
    #[case] delete: &'static str,
    #[case] count: &'static str,
) -> Result<()> {
    let mut transaction = books.pool().begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(delete).execute(&mut *transaction).await?;
    let left: i64 = sqlx::query_scalar(count).fetch_one(&mut *transaction).await?;
    transaction.rollback().await?;
    assert_eq!(left, 0);
    Ok(())
}

/// Uses a database of its own in memory, with the same table and row every time.
#[integration_test]
async fn an_account_of_its_own(#[values("ada", "grace", "edith", "mary", "joan", "barbara")] name: &str) -> Result<()> {
    let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await?;
    sqlx::raw_sql("CREATE TABLE accounts (name TEXT PRIMARY KEY)").execute(&mut connection).await?;
    sqlx::query("INSERT INTO accounts VALUES (?)").bind(name).execute(&mut connection).await?;
    let read: String = sqlx::query_scalar("SELECT name FROM accounts").fetch_one(&mut connection).await?;
    connection.close().await?;
    assert_eq!(read, name);
    Ok(())
}

/// Some shelves always exist, whatever other tests add.
#[integration_test]
async fn shelves_are_there(books: &Books, #[values("novels", "poems", "maps")] name: &str) -> Result<()> {
    let query = sqlx::query_scalar("SELECT count(*) FROM shelves WHERE name = ?").bind(name);
    let count: i64 = query.fetch_one(books.pool()).await?;
    assert_eq!(count, 1);
    Ok(())
}
