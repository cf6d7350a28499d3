//! The databases of these tests.

use itest::Result;
use itest::mysql::Schema;
use sqlx::MySqlPool;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!("tests/mysql/migrations");

/// A shop, with many kinds of objects.
pub(crate) struct Shop;

impl Schema for Shop {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &MySqlPool) -> Result<()> {
        sqlx::query("INSERT INTO customer (name) VALUES ('Ada'), ('Grace')").execute(pool).await?;
        sqlx::query("INSERT INTO product (name, price) VALUES ('book', 1299), ('pen', 99)").execute(pool).await?;
        Ok(())
    }
}
