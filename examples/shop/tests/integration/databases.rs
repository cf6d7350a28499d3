//! The databases that the tests run over, each test over all of them.

use itest::prelude::*;
use itest::{postgres, sqlite};
use shop::database;
use sqlx::FromRow;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

/// A database of the test's own on SQLite, with the shop's schema and nothing in it.
pub(crate) type Sqlite = sqlite::Sqlite<ShopSchema>;

/// The same in a file, which outlives the connections to it.
pub(crate) type SqliteFile = sqlite::Sqlite<ShopFile>;

/// The same on PostgreSQL. Where there is no server and no programs to start one, its tests are skipped.
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

/// What a test may ask of its database, whichever it is.
pub(crate) trait Database: 'static {
    /// What the shop is given.
    fn pool(&self) -> shop::Database;

    /// What the program is given.
    fn url(&self) -> &str;

    /// Runs a statement behind the shop's back.
    async fn execute(&self, statement: &'static str) -> Result<()> {
        match self.pool() {
            shop::Database::Sqlite(pool) => sqlx::query(statement).execute(&pool).await.map(|_| ())?,
            shop::Database::Postgres(pool) => sqlx::query(statement).execute(&pool).await.map(|_| ())?,
        }
        Ok(())
    }

    /// The one row that a query finds.
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
