//! Whatever a test does to its database, the next one finds a fresh one: 500 generated histories under every isolation.

use std::sync::OnceLock;
use std::time::Duration;

use itest::TestRng;
use itest::postgres::{Cloned, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::schema::Shop;
use crate::snapshot::{Snapshot, differences, snapshot};

/// What a fresh database looks like, seen by the first test of this worker in a clone that nobody has used.
static FRESH: OnceLock<Snapshot> = OnceLock::new();

/// What tests do, well or badly; `$n` is a number from 1 to 5. Much of it fails, alone or after something else, and may.
const STATEMENTS: &[&str] = &[
    "INSERT INTO customer (name) VALUES ('n$n'), (md5(random()::text))",
    "INSERT INTO customer (id, name) VALUES ($n, 'again') ON CONFLICT (id) DO UPDATE SET name = 'changed $n'",
    "UPDATE customer SET name = name || '$n' WHERE id = $n",
    "DELETE FROM customer WHERE id = $n",
    "DELETE FROM customer",
    "INSERT INTO product (name, price) SELECT 'p', g FROM generate_series(1, 100 * $n) g",
    "INSERT INTO product (name, price) VALUES ('free', 0)",
    "UPDATE product SET price = price + $n",
    "DELETE FROM product WHERE id > 1",
    "INSERT INTO purchase (customer, product) VALUES ($n, $n)",
    "INSERT INTO purchase (customer, product, amount) SELECT 1, 1, g FROM generate_series(1, $n) g",
    "DELETE FROM purchase",
    "DELETE FROM journal",
    "INSERT INTO measurement VALUES ('2025-06-0$n', $n), ('2026-06-0$n', NULL)",
    "INSERT INTO measurement VALUES ('1999-01-01', $n)",
    r#"INSERT INTO "odd schema"."odd ""table""" VALUES ('$n')"#,
    r#"UPDATE "odd schema"."odd ""table""" SET "odd 'column" = 'y'"#,
    r#"DELETE FROM "odd schema"."odd ""table""""#,
    "TRUNCATE journal",
    "TRUNCATE purchase RESTART IDENTITY",
    "TRUNCATE customer, product CASCADE",
    "SELECT nextval('purchase_id_seq') FROM generate_series(1, $n)",
    r#"SELECT nextval('"invoice ""number"""')"#,
    "SELECT setval('product_id_seq', $n, false)",
    "SELECT setval('product_id_seq', 2, false)",
    "ALTER SEQUENCE customer_id_seq RESTART WITH $n",
    r#"ALTER SEQUENCE "invoice ""number""" INCREMENT $n"#,
    "CREATE TABLE extra$n (id int PRIMARY KEY)",
    "CREATE TABLE brief$n (id int); DROP TABLE brief$n",
    "DROP TABLE IF EXISTS measurement_2025",
    "DROP TABLE journal CASCADE",
    "ALTER TABLE product ADD COLUMN extra$n int DEFAULT $n",
    "ALTER TABLE customer DROP COLUMN name",
    "ALTER TABLE product ALTER COLUMN price SET DEFAULT $n",
    "ALTER TABLE purchase DISABLE TRIGGER ALL",
    "ALTER TABLE purchase ENABLE ALWAYS TRIGGER purchase_journal",
    "ALTER TABLE customer ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY everyone ON customer USING (true)",
    "CREATE INDEX ON product (price)",
    "CREATE UNIQUE INDEX CONCURRENTLY one ON product (name)",
    "CREATE VIEW dear AS SELECT * FROM product WHERE price > $n",
    "CREATE FUNCTION f$n() RETURNS int LANGUAGE sql AS 'SELECT $n'",
    "CREATE OR REPLACE FUNCTION write_journal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER t BEFORE DELETE ON customer FOR EACH ROW EXECUTE FUNCTION write_journal()",
    "CREATE TRIGGER u AFTER TRUNCATE ON product EXECUTE FUNCTION write_journal()",
    "CREATE RULE r AS ON DELETE TO product DO INSTEAD NOTHING",
    "CREATE TYPE mood AS ENUM ('good', 'bad')",
    "CREATE DOMAIN digit AS int CHECK (VALUE < 10)",
    "CREATE SCHEMA other",
    "CREATE EXTENSION IF NOT EXISTS pgcrypto",
    "COMMENT ON TABLE product IS 'number $n'",
    "COMMENT ON SCHEMA public IS 'number $n'",
    "GRANT SELECT ON product TO PUBLIC",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "ALTER TABLE product SET (fillfactor = 5$n)",
    "ALTER SEQUENCE product_id_seq OWNED BY NONE",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "REFRESH MATERIALIZED VIEW turnover",
    "REINDEX TABLE product",
    "CLUSTER customer USING customer_pkey",
    "VACUUM FULL product",
    "ANALYZE",
    "CREATE TEMP TABLE customer (id text)",
    "CREATE TEMP TABLE scratch AS SELECT $n AS n",
    "CREATE TEMP TABLE gone (n int) ON COMMIT DROP",
    "CREATE TEMP SEQUENCE s",
    "LISTEN news$n",
    "NOTIFY news1, 'number $n'",
    "SELECT pg_advisory_lock($n)",
    "SELECT pg_advisory_lock_shared($n, 7)",
    "SET search_path = other, pg_catalog",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET default_transaction_read_only = on",
    "SET default_transaction_isolation = 'serializable'",
    "SET session_replication_role = replica",
    "SET ROLE pg_monitor",
    "SET SESSION AUTHORIZATION pg_monitor",
    "SELECT set_config('app.tenant', '$n', false)",
    "SET plpgsql.extra_warnings = 'all'",
    "SET work_mem = '1MB'",
    "SELECT set_config('search_path', current_database(), true)",
    "PREPARE p$n AS SELECT $n",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "BEGIN; INSERT INTO journal (what) VALUES ('open')",
    "BEGIN; SELECT 1 / 0",
    "BEGIN; INSERT INTO journal (what) VALUES ('prepared'); PREPARE TRANSACTION 'left $n of ' || current_database()",
    "BEGIN; DROP TABLE purchase; ROLLBACK",
    "BEGIN; CREATE TABLE never (id int); INSERT INTO product (name, price) VALUES ('never', 1); ROLLBACK",
    "BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO purchase (customer, product) VALUES (1, 77); COMMIT",
    "SELECT lo_create(1000$n)",
    "SELECT lo_from_bytea(0, 'number $n')",
    "SELECT lo_put((SELECT min(oid) FROM pg_largeobject_metadata), 2, 'XX')",
    "SELECT lo_unlink((SELECT min(oid) FROM pg_largeobject_metadata))",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''$nMB''', current_database()); END $do$",
    "DO $do$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET timezone = ''PRC''', current_user, current_database()); END $do$",
    "DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 5$n', current_database()); END $do$",
    "SELECT pg_stat_reset()",
    "CREATE TABLE shadow (LIKE product INCLUDING ALL); ALTER TABLE product RENAME TO old; ALTER TABLE shadow RENAME TO product",
    "CREATE PUBLICATION everything FOR ALL TABLES",
    "CREATE STATISTICS s ON name, price FROM product",
    "CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int)",
    "CREATE COLLATION german (provider = libc, locale = 'C')",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION nothing()",
    "CREATE FUNCTION nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE UNLOGGED TABLE fast (n int)",
    "ALTER TABLE product SET UNLOGGED",
    "SELECT setseed(0.$n), random()",
    "ALTER MATERIALIZED VIEW turnover RENAME TO sales",
    "CREATE FOREIGN DATA WRAPPER f",
    "SECURITY LABEL ON TABLE product IS 'x'",
    "ALTER TABLE measurement DETACH PARTITION measurement_2026",
    "CREATE UNIQUE INDEX t ON turnover (product); REFRESH MATERIALIZED VIEW CONCURRENTLY turnover",
    "LOCK TABLE product",
];

/// One of these, with numbers in it.
fn statement(rng: &mut TestRng) -> String {
    let statement = rng.pick(STATEMENTS).copied().unwrap_or_default();
    statement.replace("$n", &rng.within(1..=5).to_string())
}

/// Some statements, here and there: through the pool, on one connection, in a transaction, past the pool, and too late.
async fn live(pool: &PgPool, url: &str, rng: &mut TestRng) -> Vec<String> {
    let mut history = Vec::new();
    for _ in 0..=rng.within(0..=4) {
        let statements: Vec<String> = (0..=rng.within(0..=1)).map(|_| statement(rng)).collect();
        let way = rng.within(0..=11);
        history.push(format!("{way}: {}", statements.join("; ")));
        let limited = tokio::time::timeout(Duration::from_millis(400), act(pool, url, way, statements));
        let _ = limited.await;
    }
    history
}

async fn act(pool: &PgPool, url: &str, way: u64, statements: Vec<String>) {
    match way {
        0..4 => {
            for statement in statements {
                let _ = sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await;
            }
        }
        4..7 => {
            let Ok(mut connection) = pool.acquire().await else { return };
            run(&mut connection, statements).await;
        }
        7 | 8 => {
            let Ok(mut transaction) = pool.begin().await else { return };
            run(&mut transaction, statements).await;
            let _ = if way == 7 { transaction.commit().await } else { transaction.rollback().await };
        }
        9 => {
            let Ok(mut own) = PgConnection::connect(url).await else { return };
            run(&mut own, statements).await;
            // Not closed: the socket is, when the value is dropped.
        }
        10 => {
            // Two sessions at once.
            let (Ok(mut one), Ok(mut other)) = (pool.acquire().await, pool.acquire().await) else { return };
            run(&mut one, statements.clone()).await;
            run(&mut other, statements).await;
        }
        _ => {
            let pool = pool.clone();
            // A task that nobody waits for, and that writes when the test is over.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(3)).await;
                for statement in statements {
                    let _ = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&pool).await;
                }
            });
        }
    }
}

async fn run(connection: &mut PgConnection, statements: Vec<String>) {
    let _ = connection.execute("SET lock_timeout = '200ms'").await;
    for statement in statements {
        let _ = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await;
    }
}

async fn finds_a_fresh_one_and_leaves_another<S: Schema>(db: &Postgres<S>, rng: &mut TestRng) -> Result<()> {
    let seen = snapshot(&db.pool()).await?;
    let fresh = FRESH.get_or_init(|| seen.clone());
    let differences = differences(&db.pool(), fresh, &seen).await?;
    assert!(differences.is_empty(), "{} differs from a fresh database:\n{}", db.name(), differences.join("\n"));
    let history = live(&db.pool(), db.url(), rng).await;
    show(db.name(), &history);
    Ok(())
}

/// With the next test's failure in mind: what came before it is in the output of the test before.
#[expect(clippy::print_stdout, reason = "it is captured, and shown where a test fails")]
fn show(database: &str, history: &[String]) {
    println!("{database}: {history:#?}");
}

#[integration_test(tags("histories"))]
async fn recycled(
    #[values(0, 1, 2, 3, 4)] _hundreds: u32,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
    db: &Postgres<Recycled<Shop>>,
    mut rng: TestRng,
) -> Result<()> {
    finds_a_fresh_one_and_leaves_another(db, &mut rng).await
}

#[integration_test(tags("histories"))]
async fn in_a_transaction(
    #[values(0, 1, 2, 3, 4)] _hundreds: u32,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
    db: &Postgres<InTransaction<Shop>>,
    mut rng: TestRng,
) -> Result<()> {
    finds_a_fresh_one_and_leaves_another(db, &mut rng).await
}

#[integration_test(tags("histories"))]
async fn cloned(
    #[values(0, 1, 2, 3, 4)] _hundreds: u32,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
    db: &Postgres<Cloned<Shop>>,
    mut rng: TestRng,
) -> Result<()> {
    finds_a_fresh_one_and_leaves_another(db, &mut rng).await
}
