//! The database that a test gets.

use std::marker::PhantomData;

use sqlx::sqlite::SqlitePool;

/// A private database with the migrations and seeds of `S`. It is dropped after the test.
#[derive(Debug)]
pub struct Sqlite<S> {
    pub(super) pool: SqlitePool,
    pub(super) url: String,
    pub(super) schema: PhantomData<fn() -> S>,
}

impl<S> Sqlite<S> {
    /// A pool of connections to the database; clones share it.
    #[must_use]
    pub fn pool(&self) -> SqlitePool {
        self.pool.clone()
    }

    /// A URL for code of this process that connects by itself. A path in it is percent-encoded.
    ///
    /// It opens this test's database, even one in memory, while the test runs. Settings of [`Schema::options`](super::Schema::options) that a
    /// URL cannot express, such as collations, are not part of it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
