//! Tests that change the rows of their databases, for `--show-data`.

use std::sync::LazyLock;

use itest::mysql::{self, Mysql};
use itest::postgres::{self, InSchema, InTransaction, Postgres};
use itest::prelude::*;
use itest::sqlite::{self, Sqlite, Storage};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

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

/// Two cases fail, and each must show only its own changes.
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
    assert_eq!(customer, "no such customer");
    Ok(())
}

#[integration_test]
async fn reads_only(db: &Sqlite<Products>) -> Result<()> {
    db.run("SELECT * FROM product").await?;
    assert_eq!(db.url(), "");
    Ok(())
}

#[integration_test]
async fn passes(db: &Sqlite<Products>) -> Result<()> {
    db.run("DELETE FROM product").await
}

/// The transaction is aborted, so its rows cannot be read any more.
#[integration_test]
async fn breaks_its_transaction(db: &Postgres<InTransaction<Products>>) -> Result<()> {
    let mut connection = db.pool().acquire().await?;
    sqlx::raw_sql("INSERT INTO nowhere VALUES (1)").execute(&mut *connection).await?;
    Ok(())
}

/// Tables with columns that `SELECT *` leaves out or that the database computes.
struct SpecialTables;

static NONE: Migrator = Migrator::DEFAULT;

impl postgres::Schema for SpecialTables {
    fn migrator() -> &'static Migrator {
        &NONE
    }

    async fn seed(pool: &sqlx::PgPool) -> Result<()> {
        let table = "CREATE TABLE product (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)";
        sqlx::raw_sql(table).execute(pool).await?;
        Ok(())
    }
}

impl mysql::Schema for SpecialTables {
    fn migrator() -> &'static Migrator {
        &NONE
    }

    async fn seed(pool: &sqlx::MySqlPool) -> Result<()> {
        let table = "CREATE TABLE product (id int PRIMARY KEY, `co``lour` int INVISIBLE DEFAULT 7, twice int AS (id * 2) INVISIBLE);
                     INSERT INTO product (id) VALUES (1)";
        sqlx::raw_sql(table).execute(pool).await?;
        Ok(())
    }
}

impl sqlite::Schema for SpecialTables {
    fn migrator() -> &'static Migrator {
        &NONE
    }

    async fn seed(pool: &sqlx::SqlitePool) -> Result<()> {
        let tables =
            "CREATE TABLE product (id INTEGER PRIMARY KEY, twice INT AS (id * 2), thrice INT AS (id * 3) STORED);
                      CREATE VIRTUAL TABLE search USING fts5 (text);
                      CREATE VIRTUAL TABLE area USING rtree (id, west, east);
                      CREATE VIRTUAL TABLE broken USING fts5 (text, content = 'nowhere')";
        sqlx::raw_sql(tables).execute(pool).await?;
        Ok(())
    }
}

#[integration_test]
async fn changes_generated_columns_of_postgres(db: &Postgres<SpecialTables>) -> Result<()> {
    db.run("INSERT INTO product VALUES (2)").await?;
    Err("look at the rows".into())
}

#[integration_test]
async fn changes_invisible_columns_of_mariadb(db: &Mysql<SpecialTables>) -> Result<()> {
    db.run("UPDATE product SET `co``lour` = 8").await?;
    db.run("INSERT INTO product (id) VALUES (2)").await?;
    Err("look at the rows".into())
}

#[integration_test]
async fn changes_virtual_tables_of_sqlite(db: &Sqlite<SpecialTables>) -> Result<()> {
    db.run(
        "INSERT INTO product VALUES (2); INSERT INTO search VALUES ('hello'); INSERT INTO area VALUES (1, 2.0, 4.0)",
    )
    .await?;
    Err("look at the rows".into())
}

/// Migrations that take more than a second, so that sqlx logs them as slow.
struct Slow;

macro_rules! slow_migration {
    ($($schema:path: $sql:expr;)+) => {
        $(
            impl $schema for Slow {
                fn migrator() -> &'static Migrator {
                    static SLOW: LazyLock<Migrator> = LazyLock::new(|| {
                        let migration = Migration::new(1, "slow".into(), MigrationType::Simple, $sql.into_sql_str(), false);
                        Migrator::with_migrations(vec![migration])
                    });
                    &SLOW
                }
            }
        )+
    };
}

slow_migration! {
    postgres::Schema: "SELECT pg_sleep(1.1)";
    mysql::Schema: "DO sleep(1.1)";
    sqlite::Schema: "CREATE TABLE counted AS WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3000000) SELECT count(*) FROM c";
}

#[integration_test]
#[over(Db = [
    memory: Sqlite<Slow>,
    postgres: Postgres<Slow>,
    transaction: Postgres<InTransaction<Slow>>,
    schema: Postgres<InSchema<Slow>>,
    mysql: Mysql<Slow>,
])]
async fn executes_one_query<Db: Runs>(db: &Db) -> Result<()> {
    db.run("SELECT 'asked by the test'").await?;
    Err("look at the log".into())
}
