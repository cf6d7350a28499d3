//! The databases of these tests, each in memory and in a file.

use std::marker::PhantomData;

use itest::Result;
use itest::sqlite::{Schema, Storage};
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions};

static WORDS: Migrator = sqlx::migrate!("tests/sqlite/words");
static LAX: Migrator = sqlx::migrate!("tests/sqlite/lax");
static RARE_FEATURES: Migrator = sqlx::migrate!("tests/sqlite/peculiar");

/// Words whose uniqueness depends on a collation that only connections with the suite's options have.
#[derive(Debug)]
pub(crate) struct Words;

impl Schema for Words {
    fn migrator() -> &'static Migrator {
        &WORDS
    }

    async fn seed(pool: &SqlitePool) -> Result<()> {
        sqlx::query("INSERT INTO word (text) VALUES ('Pear')").execute(pool).await?;
        Ok(())
    }

    fn options(options: SqliteConnectOptions) -> SqliteConnectOptions {
        options.page_size(8192).collation("shouting", |left, right| left.to_uppercase().cmp(&right.to_uppercase()))
    }
}

/// Migrations that turn the checking of foreign keys off on their connection and leave it off.
#[derive(Debug)]
pub(crate) struct Lax;

impl Schema for Lax {
    fn migrator() -> &'static Migrator {
        &LAX
    }

    async fn seed(pool: &SqlitePool) -> Result<()> {
        let orphan = sqlx::query("INSERT INTO child VALUES (7)").execute(pool).await;
        assert!(orphan.is_err(), "a seed runs with the options of the tests' pools, which check foreign keys");
        Ok(())
    }
}

/// A schema with properties of the database and kinds of tables that are easily forgotten in a copy.
#[derive(Debug)]
pub(crate) struct RareFeatures;

impl Schema for RareFeatures {
    fn migrator() -> &'static Migrator {
        &RARE_FEATURES
    }

    fn options(options: SqliteConnectOptions) -> SqliteConnectOptions {
        options.page_size(2048).auto_vacuum(SqliteAutoVacuum::Full).pragma("encoding", "'UTF-16le'")
    }
}

/// The same schema in a file.
#[derive(Debug)]
pub(crate) struct InFile<S>(PhantomData<fn() -> S>);

impl<S: Schema> Schema for InFile<S> {
    const STORAGE: Storage = Storage::File;

    fn migrator() -> &'static Migrator {
        S::migrator()
    }

    fn seed(pool: &SqlitePool) -> impl Future<Output = Result<()>> {
        S::seed(pool)
    }

    fn options(options: SqliteConnectOptions) -> SqliteConnectOptions {
        S::options(options)
    }
}

/// A schema whose tests only read the rows of the migrations.
#[derive(Debug)]
pub(crate) struct ReadOnly;

impl Schema for ReadOnly {
    fn migrator() -> &'static Migrator {
        &LAX
    }

    fn options(options: SqliteConnectOptions) -> SqliteConnectOptions {
        options.read_only(true)
    }
}
