//! Tests of valid seeds, on every database.

use itest::data::fake::faker::name::en::Name;
use itest::data::{self, Backend};
use itest::prelude::*;
use sqlx::Pool;

use crate::servers::{Memory, MySql, Postgres, TestQueries};

const SQLITE: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, premium BOOLEAN NOT NULL DEFAULT FALSE,
        credit REAL NOT NULL DEFAULT 0);
    CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, customer_id INTEGER NOT NULL REFERENCES customers (id),
        reference TEXT NOT NULL, note TEXT, details TEXT);";

const POSTGRES: &str = "
    CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) NOT NULL, email text UNIQUE,
        premium boolean NOT NULL DEFAULT false, credit numeric(10, 2) NOT NULL DEFAULT 0);
    CREATE TABLE orders (id serial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers (id), reference text NOT NULL, note text,
        details jsonb);";

const MYSQL: &str = "
    CREATE TABLE customers (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL, email VARCHAR(100) UNIQUE,
        premium BOOLEAN NOT NULL DEFAULT FALSE, credit DECIMAL(10, 2) NOT NULL DEFAULT 0);
    CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, customer_id BIGINT NOT NULL, reference VARCHAR(40) NOT NULL,
        note VARCHAR(100), details JSON, FOREIGN KEY (customer_id) REFERENCES customers (id));";

#[derive(serde::Serialize)]
struct NewCustomer {
    name: String,
    email: String,
    premium: bool,
}

impl Factory for NewCustomer {
    fn make(data: &Data) -> Self {
        let name = data.fake(Name());
        Self { name, email: data.email(), premium: false }
    }
}

async fn load_and_check<DB: Backend>(pool: Pool<DB>, schema: &str, data: &Data) -> Result<()>
where
    Pool<DB>: TestQueries,
{
    pool.script(schema).await?;
    data::load(&pool, ["tests/seeds"]).await?;

    assert_eq!(pool.text("SELECT name FROM customers WHERE id = 9").await?, "Grace \"Amazing\" Hopper");
    assert_eq!(pool.text("SELECT email FROM customers WHERE id = 9").await?, "grace;@example.com");
    assert_eq!(
        pool.text("SELECT concat(count(*), '') FROM customers WHERE premium AND credit = 12.5 AND id = 7").await?,
        "1"
    );
    assert_eq!(
        pool.text("SELECT concat(count(*), '') FROM orders WHERE reference = 'a, 2' AND note IS NULL").await?,
        "1"
    );
    assert_eq!(pool.text("SELECT note FROM orders WHERE reference = 'a-3' AND details IS NULL").await?, "");
    assert_eq!(pool.text("SELECT concat(count(*), '') FROM orders WHERE reference = 'it''s; fine'").await?, "1");

    // Generated ids continue after the ids of the seeds.
    let customers: Vec<NewCustomer> = data.many_with(3, |_, customer: &mut NewCustomer| customer.premium = true);
    data::insert(&pool, "customers", &customers).await?;
    assert_eq!(pool.text("SELECT concat(max(id), '') FROM customers").await?, "12");
    assert_eq!(pool.text("SELECT concat(count(*), '') FROM customers WHERE premium").await?, "4");
    assert!(data::insert(&pool, "customers", &customers).await.is_err(), "their email addresses exist already");
    assert_eq!(pool.text("SELECT concat(count(*), '') FROM customers").await?, "5", "all or none");
    pool.close().await;
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn seeds_load_into_sqlite(memory: &Memory, data: &Data) -> Result<()> {
    load_and_check(memory.empty().await?, SQLITE, data).await
}

#[integration_test(tags("postgres"))]
async fn seeds_load_into_postgres(postgres: &Postgres, data: &Data) -> Result<()> {
    load_and_check(postgres.empty().await?, POSTGRES, data).await
}

#[integration_test(tags("mysql"))]
async fn seeds_load_into_mysql(mysql: &MySql, data: &Data) -> Result<()> {
    load_and_check(mysql.empty().await?, MYSQL, data).await
}

#[integration_test(tags("postgres"))]
async fn seeds_load_into_user_defined_types_of_postgres(postgres: &Postgres, dir: &TempDir) -> Result<()> {
    #[arrange]
    let pool = postgres.empty().await?;
    pool.script(
        "CREATE TYPE mood AS ENUM ('fine', 'tired'); CREATE SCHEMA app;
         CREATE TABLE app.things (id uuid PRIMARY KEY, moods mood[], seen timestamptz, code char(4), bits bit(3), raw bytea, \
         span int4range, big numeric, doubled int GENERATED ALWAYS AS (length(code) * 2) STORED)",
    )
    .await?;
    let (json, csv) = (dir.join("things.json"), dir.join("app.things.csv"));
    std::fs::write(
        &json,
        r#"{"app.things": [{"id": "6f1b6e0e-0000-4000-8000-000000000001", "moods": ["fine", "tired"], "code": "ab",
            "seen": "2026-11-20T10:00:00Z", "bits": "101", "raw": "\\xdead", "span": "[1,5)", "big": 12345678901234567890.123}]}"#,
    )?;
    std::fs::write(&csv, "id,moods,span\n6f1b6e0e-0000-4000-8000-000000000002,\"{fine}\",empty\n")?;

    #[act]
    data::load(&pool, [json, csv]).await?;

    #[assert]
    let rows = pool
        .text(
            "SELECT string_agg(concat_ws('|', moods, seen AT TIME ZONE 'UTC', code, bits, raw, span, big), ';' ORDER BY id)
             FROM app.things",
        )
        .await?;
    assert_eq!(rows, "{fine,tired}|2026-11-20 10:00:00|ab  |101|\\xdead|[1,5)|12345678901234567890.123;{fine}|empty");
    pool.close().await;
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn dump_of_sqlite_loads_as_a_seed(memory: &Memory, dir: &TempDir) -> Result<()> {
    #[arrange]
    let pool = memory.empty().await?;
    let path = dir.join("dump.sql");
    std::fs::write(
        &path,
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE t (a TEXT);\nINSERT INTO t VALUES('x');\n\
         CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE t SET a = 'y;'; DELETE FROM t WHERE 0; END;\nCOMMIT;\n",
    )?;

    #[act]
    data::load(&pool, [path]).await?;

    #[assert]
    assert_eq!(pool.text("SELECT a FROM t").await?, "x");
    let foreign_keys = pool.text("SELECT foreign_keys || '' FROM pragma_foreign_keys").await?;
    assert_eq!(foreign_keys, "1", "keys are enforced again");
    Ok(())
}

/// The statements that `pg_dump --inserts` writes around rows.
#[integration_test(tags("postgres"))]
async fn dump_of_postgres_loads_as_a_seed(postgres: &Postgres, dir: &TempDir) -> Result<()> {
    #[arrange]
    let pool = postgres.empty().await?;
    let path = dir.join("dump.sql");
    std::fs::write(
        &path,
        "SET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
         CREATE TABLE public.t (a text);\nINSERT INTO public.t VALUES ('x;');\nSELECT pg_catalog.setval('public.s', 7, true);\n",
    )?;
    pool.script("CREATE SEQUENCE s").await?;

    #[act]
    data::load(&pool, [path]).await?;

    #[assert]
    assert_eq!(
        pool.text("SELECT a FROM t").await?,
        "x;",
        "the search path of the dump does not stay on the pool's connection"
    );
    pool.close().await;
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn dump_of_mysql_loads_as_a_seed(mysql: &MySql, dir: &TempDir) -> Result<()> {
    #[arrange]
    let pool = mysql.empty().await?;
    let path = dir.join("dump.sql");
    std::fs::write(
        &path,
        "/*!40014 SET @OLD_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;\nCREATE TABLE `t` (`a` text);\nLOCK TABLES `t` WRITE;\n\
         INSERT INTO `t` VALUES ('it\\'s;');\nUNLOCK TABLES;\n/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_CHECKS */;\n",
    )?;

    #[act]
    data::load(&pool, [path]).await?;

    #[assert]
    assert_eq!(pool.text("SELECT a FROM t").await?, "it's;");
    pool.close().await;
    Ok(())
}
