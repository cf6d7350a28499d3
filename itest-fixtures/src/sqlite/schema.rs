//! The declaration of a suite's database.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx_core::migrate::Migrator;

use itest_runtime::Error;

/// The declaration of a suite's SQLite database.
///
/// # Examples
///
/// ```
/// use itest::sqlite;
/// use sqlx::migrate::Migrator;
/// # mod shop {
/// #     pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate::Migrator::DEFAULT;
/// # }
///
/// struct ShopSchema;
///
/// impl sqlite::Schema for ShopSchema {
///     fn migrator() -> &'static Migrator {
///         &shop::MIGRATIONS
///     }
/// }
///
/// type ShopDb = sqlite::Sqlite<ShopSchema>;
/// ```
pub trait Schema: 'static {
    /// Where the tests' databases are stored.
    const STORAGE: Storage = Storage::Memory;

    /// The migrations, as `sqlx::migrate!` returns them.
    fn migrator() -> &'static Migrator;

    /// Adds the rows that every test starts with. They become part of the template.
    #[must_use]
    fn seed(_pool: &SqlitePool) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// Changes the options with which the tests' pools connect: pragmas, collations, timeouts, extensions. Foreign keys are enforced unless
    /// this function turns that off. Migrations and seeds connect with the same options, because a schema may need them.
    #[must_use]
    fn options(options: SqliteConnectOptions) -> SqliteConnectOptions {
        options
    }
}

/// Where a test's database is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Storage {
    /// In the memory of the worker, shared by all connections of the pool through SQLite's `memdb` file system. Readers and writers block
    /// each other as with a rollback journal on disk; there is no write-ahead log.
    Memory,
    /// In a separate file, with a write-ahead log.
    File,
}
