//! The shop's database: SQLite or PostgreSQL.
//!
//! Both understand the same statements (`$1`, `RETURNING`, `ON CONFLICT`), so each is written once, inside `on!`. The
//! differences are in one file for each database: how it is opened and migrated, and how concurrent changes of the same
//! row are kept apart.

use sqlx::migrate::MigrateError;
use sqlx::{PgConnection, PgPool, SqliteConnection, SqlitePool};

use crate::orders::OrderId;
use crate::products::ProductId;

pub mod postgres;
pub mod sqlite;

/// A value that exists for both databases, for the one that is used.
#[derive(Clone, Copy, Debug)]
pub enum Either<Sqlite, Postgres> {
    /// The value for SQLite.
    Sqlite(Sqlite),
    /// The value for PostgreSQL.
    Postgres(Postgres),
}

/// A pool of connections to the shop's database; clones share it.
pub type Database = Either<SqlitePool, PgPool>;

/// A transaction. Leaving early with `?` drops it, which rolls it back.
pub(crate) type Transaction =
    Either<sqlx::Transaction<'static, sqlx::Sqlite>, sqlx::Transaction<'static, sqlx::Postgres>>;

/// Runs the same code on either database: `on!(database, |pool| pool.close().await)`. The compiler sees the code twice, with
/// the types of each database.
macro_rules! on {
    ($database:expr, |$handle:ident| $code:expr) => {
        match $database {
            $crate::database::Either::Sqlite($handle) => $code,
            $crate::database::Either::Postgres($handle) => $code,
        }
    };
}

pub(crate) use on;

impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Self {
        Self::Sqlite(pool)
    }
}

impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self::Postgres(pool)
    }
}

impl Database {
    /// Opens the database of a URL: `sqlite:shop.db`, which is created if it does not exist, or
    /// `postgres://shop@localhost/shop`.
    ///
    /// # Errors
    ///
    /// [`sqlx::Error`] when the URL is neither, or when the database cannot be opened.
    pub async fn open(url: &str) -> Result<Self, sqlx::Error> {
        match url.split_once(':') {
            Some(("sqlite", _)) => sqlite::open(url).await.map(Self::from),
            Some(("postgres" | "postgresql", _)) => postgres::open(url).await.map(Self::from),
            _ => Err(sqlx::Error::Configuration("its URL must start with sqlite: or postgres:".into())),
        }
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    ///
    /// [`MigrateError`] when a migration fails, or was edited after it was applied.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(pool) => sqlite::MIGRATIONS.run(pool).await,
            Self::Postgres(pool) => postgres::MIGRATIONS.run(pool).await,
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        on!(self, |pool| pool.close().await);
    }

    /// The pool, for a single statement.
    pub(crate) fn pool(&self) -> Either<&SqlitePool, &PgPool> {
        match self {
            Self::Sqlite(pool) => Either::Sqlite(pool),
            Self::Postgres(pool) => Either::Postgres(pool),
        }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Either::Sqlite(pool.begin_with(sqlite::BEGIN).await?),
            Self::Postgres(pool) => Either::Postgres(pool.begin().await?),
        })
    }
}

impl Transaction {
    /// The connection, for the next statement.
    pub(crate) fn connection(&mut self) -> Either<&mut SqliteConnection, &mut PgConnection> {
        match self {
            Self::Sqlite(transaction) => Either::Sqlite(transaction),
            Self::Postgres(transaction) => Either::Postgres(transaction),
        }
    }

    /// Locks an order until this transaction ends.
    pub(crate) async fn lock_order(&mut self, id: OrderId) -> Result<(), sqlx::Error> {
        match self {
            // The transaction already has the write lock of the whole database.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => postgres::lock_order(transaction, id).await,
        }
    }

    /// Locks products until this transaction ends.
    pub(crate) async fn lock_products(&mut self, ids: Vec<ProductId>) -> Result<(), sqlx::Error> {
        match self {
            // The transaction already has the write lock of the whole database.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => postgres::lock_products(transaction, ids).await,
        }
    }

    /// Commits the changes.
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        on!(self, |transaction| transaction.commit().await)
    }
}
