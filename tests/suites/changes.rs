//! Tests that change the rows of their databases, for `--show-data`.

use itest::mysql::{self, Mysql};
use itest::postgres::{self, InSchema, InTransaction, Postgres};
use itest::prelude::*;
use itest::sqlite::{self, Sqlite, Storage};
use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;

itest::main!();

static MIGRATIONS: Migrator = sqlx::migrate!("suites/changes_migrations");

struct Products;

impl postgres::Schema for Products {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }
}

impl mysql::Schema for Products {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }
}

impl sqlite::Schema for Products {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }
}

struct OnDisk;

impl sqlite::Schema for OnDisk {
    const STORAGE: Storage = Storage::File;

    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }
}

trait Runs {
    async fn run(&self, sql: &str) -> Result<()>;
}

macro_rules! runs {
    ($($database:ident: $schema:path),+) => {
        $(impl<S: $schema> Runs for $database<S> {
            async fn run(&self, sql: &str) -> Result<()> {
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.pool()).await?;
                Ok(())
            }
        })+
    };
}

runs!(Postgres: postgres::Schema, Mysql: mysql::Schema, Sqlite: sqlite::Schema);

/// Two failures, so that each has only its own changes.
#[integration_test]
#[over(Db = [
    memory: Sqlite<Products>,
    file: Sqlite<OnDisk>,
    postgres: Postgres<Products>,
    transaction: Postgres<InTransaction<Products>>,
    schema: Postgres<InSchema<Products>>,
    mysql: Mysql<Products>,
])]
async fn sells<Db: Runs>(#[values("first", "second")] customer: &str, db: &Db) -> Result<()> {
    db.run("UPDATE product SET stock = stock - 1 WHERE id = 2").await?;
    db.run("DELETE FROM product WHERE id = 3").await?;
    db.run(&format!("INSERT INTO product VALUES (10, 'for the {customer}', 1)")).await?;
    db.run("INSERT INTO visit VALUES ('/products'), ('/products')").await?;
    assert_eq!(customer, "nobody");
    Ok(())
}

#[integration_test]
async fn looks_only(db: &Sqlite<Products>) -> Result<()> {
    db.run("SELECT * FROM product").await?;
    assert_eq!(db.url(), "");
    Ok(())
}

#[integration_test]
async fn passes(db: &Sqlite<Products>) -> Result<()> {
    db.run("DELETE FROM product").await
}

/// Its transaction is aborted: nobody can read in it any more.
#[integration_test]
async fn breaks_its_transaction(db: &Postgres<InTransaction<Products>>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    sqlx::raw_sql("INSERT INTO nowhere VALUES (1)").execute(&mut *connection).await?;
    Ok(())
}
