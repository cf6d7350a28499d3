//! The databases over which each test runs.

use itest::prelude::*;
use itest::{postgres, sqlite};
use shop::database;
use sqlx::FromRow;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A SQLite database of the test's own, with the shop's schema and no rows.
pub(crate) type Sqlite = sqlite::Sqlite<ShopSchema>;

/// A SQLite database in a file, which survives its connections.
pub(crate) type SqliteFile = sqlite::Sqlite<ShopFile>;

/// A PostgreSQL database of the test's own. Its tests are skipped if there is no server and no program to start one.
pub(crate) type Postgres = postgres::Postgres<ShopSchema>;

pub(crate) struct ShopSchema;

impl sqlite::Schema for ShopSchema {
    fn migrator() -> &'static Migrator {
        &database::sqlite::MIGRATIONS
    }
}

impl postgres::Schema for ShopSchema {
    fn migrator() -> &'static Migrator {
        &database::postgres::MIGRATIONS
    }
}

pub(crate) struct ShopFile;

impl sqlite::Schema for ShopFile {
    const STORAGE: sqlite::Storage = sqlite::Storage::File;

    fn migrator() -> &'static Migrator {
        &database::sqlite::MIGRATIONS
    }
}

/// The operations that tests need of every database.
pub(crate) trait Database: 'static {
    /// The pool for the shop.
    fn pool(&self) -> shop::Database;

    /// The URL for the program.
    fn url(&self) -> &str;

    /// Executes a statement directly, without the shop.
    async fn execute(&self, statement: &'static str) -> Result<()> {
        match self.pool() {
            shop::Database::Sqlite(pool) => sqlx::query(statement).execute(&pool).await.map(|_| ())?,
            shop::Database::Postgres(pool) => sqlx::query(statement).execute(&pool).await.map(|_| ())?,
        }
        Ok(())
    }

    /// All rows of a query's result.
    async fn rows<Row>(&self, query: &'static str) -> Result<Vec<Row>>
    where
        Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(match self.pool() {
            shop::Database::Sqlite(pool) => sqlx::query_as(query).fetch_all(&pool).await?,
            shop::Database::Postgres(pool) => sqlx::query_as(query).fetch_all(&pool).await?,
        })
    }

    /// The single row of a query's result.
    async fn row<Row>(&self, query: &'static str) -> Result<Row>
    where
        Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(match self.pool() {
            shop::Database::Sqlite(pool) => sqlx::query_as(query).fetch_one(&pool).await?,
            shop::Database::Postgres(pool) => sqlx::query_as(query).fetch_one(&pool).await?,
        })
    }
}

impl<Schema: sqlite::Schema> Database for sqlite::Sqlite<Schema> {
    fn pool(&self) -> shop::Database {
        self.pool().into()
    }

    fn url(&self) -> &str {
        self.url()
    }
}

impl Database for Postgres {
    fn pool(&self) -> shop::Database {
        self.pool().into()
    }

    fn url(&self) -> &str {
        self.url()
    }
}
