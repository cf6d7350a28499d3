//! The databases of these tests.

use std::sync::LazyLock;

use itest::Result;
use itest::postgres::Schema;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!("tests/postgres/migrations");
static ODD: Migrator = sqlx::migrate!("tests/postgres/odd");
static PLAIN: Migrator = sqlx::migrate!("tests/postgres/plain");
static TENANTS: Migrator = sqlx::migrate!("tests/postgres/tenants");

/// A shop, with many kinds of objects.
pub(crate) struct Shop;

impl Schema for Shop {
    fn migrator() -> &'static Migrator {
        static BOTH: LazyLock<Migrator> =
            LazyLock::new(|| Migrator::with_migrations(MIGRATIONS.iter().chain(ODD.iter()).cloned().collect()));
        &BOTH
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        ShopInASchema::seed(pool).await?;
        sqlx::query(r#"INSERT INTO "odd schema"."odd ""table""" VALUES ('x'), (NULL)"#).execute(pool).await?;
        sqlx::query("SELECT lo_from_bytea(0, 'seeded')").execute(pool).await?;
        Ok(())
    }
}

/// The part of the shop that is inside of one schema.
pub(crate) struct ShopInASchema;

impl Schema for ShopInASchema {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        sqlx::query("INSERT INTO customer (name) VALUES ('Ada'), ('Grace'), ('O''Hara')").execute(pool).await?;
        sqlx::query("INSERT INTO product (name, price) VALUES ('book', 1299), ('pen', 99)").execute(pool).await?;
        sqlx::query("INSERT INTO purchase (customer, product) VALUES (1, 1)").execute(pool).await?;
        sqlx::query("REFRESH MATERIALIZED VIEW turnover").execute(pool).await?;
        Ok(())
    }
}

/// One table, without qualified names.
pub(crate) struct Plain;

impl Schema for Plain {
    fn migrator() -> &'static Migrator {
        &PLAIN
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        sqlx::query("INSERT INTO note (text) VALUES ('seeded')").execute(pool).await?;
        Ok(())
    }
}

/// A schema that reads a setting of the session.
pub(crate) struct Tenants;

impl Schema for Tenants {
    fn migrator() -> &'static Migrator {
        &TENANTS
    }
}
