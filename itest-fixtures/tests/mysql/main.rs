//! Tests of the MariaDB and MySQL fixture on a real server: the one that `ITEST_MYSQL_URL` names, or a private one.

mod by_url;
#[path = "../histories/mod.rs"]
mod generated;
mod histories;
mod properties;
mod schema;
mod snapshot;
mod statements;

use itest::mysql::{Cloned, Mysql, Schema};
use itest::prelude::*;
use sqlx::migrate::Migrator;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, MySqlPool, Row};

use crate::schema::Shop;

itest::main!();

/// Checks rows, views, functions, `AUTO_INCREMENT` values and triggers of a new database, and changes rows.
async fn check_fresh_and_change(pool: &MySqlPool) -> Result<()> {
    let customers: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, name FROM customer ORDER BY id").fetch_all(pool).await?;
    assert_eq!(customers, [(1, "Ada".to_owned()), (2, "Grace".to_owned())]);
    let products: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, label FROM product ORDER BY id").fetch_all(pool).await?;
    assert_eq!(products, [(40, "book!".to_owned()), (41, "pen!".to_owned())]);
    let dear: Vec<String> = sqlx::query_scalar("SELECT name FROM a_view_of_a_view").fetch_all(pool).await?;
    assert_eq!(dear, ["book"]);
    let twice: i32 = sqlx::query_scalar("SELECT twice(21)").fetch_one(pool).await?;
    assert_eq!(twice, 42);
    for (insert, expected) in [
        ("INSERT INTO customer (name) VALUES ('new')", 3),
        ("INSERT INTO product (name, price) VALUES ('new', 1)", 42),
        ("INSERT INTO purchase (customer, product) VALUES (1, 40)", 1),
        ("INSERT INTO `odd ``table` (`odd ``column`) VALUES ('x')", 1),
    ] {
        assert_eq!(sqlx::query(insert).execute(pool).await?.last_insert_id(), expected, "{insert}");
    }
    let journal: Vec<String> = sqlx::query_scalar("SELECT what FROM journal").fetch_all(pool).await?;
    assert_eq!(journal, ["bought 40"]);
    sqlx::raw_sql("CALL empty_journal()").execute(pool).await?;
    Ok(())
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3, 4, 5, 6)] _again: u32, db: &Mysql<Shop>) -> Result<()> {
    check_fresh_and_change(&db.pool()).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &Mysql<Cloned<Shop>>) -> Result<()> {
    check_fresh_and_change(&db.pool()).await
}

/// The many cases of this test follow each other on the same databases, so each one checks that the changes of an earlier one are gone.
#[integration_test]
#[case::schema("ALTER TABLE product ADD COLUMN extra int")]
#[case::new_table("CREATE TABLE extra (id int)")]
#[case::dropped_view("DROP VIEW dear")]
#[case::dropped_table("SET foreign_key_checks = 0; DROP TABLE product")]
#[case::trigger("CREATE TRIGGER t BEFORE DELETE ON customer FOR EACH ROW DELETE FROM journal")]
#[case::procedure("DROP PROCEDURE empty_journal")]
#[case::function("DROP FUNCTION twice; CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n")]
#[case::rows("DELETE FROM purchase; DELETE FROM customer; UPDATE product SET price = 5")]
#[case::truncated("SET foreign_key_checks = 0; TRUNCATE customer")]
#[case::numbers("INSERT INTO purchase (id, customer, product) VALUES (900, 1, 40); DELETE FROM purchase")]
#[case::rolled_back("BEGIN; INSERT INTO customer (name) VALUES ('x'); ROLLBACK")]
#[case::open("BEGIN; INSERT INTO customer (name) VALUES ('x')")]
#[case::temporary("CREATE TEMPORARY TABLE customer (id int)")]
#[case::settings("SET sql_mode = '', foreign_key_checks = 0, autocommit = 0")]
#[case::database("ALTER DATABASE CHARACTER SET latin1")]
#[case::lock("LOCK TABLES customer WRITE")]
#[case::killed("KILL CONNECTION_ID()")]
async fn any_change_of_a_test_is_reverted_for_the_next_test(#[case] sql: &str, db: &Mysql<Shop>) -> Result<()> {
    check_fresh_and_change(&db.pool()).await?;
    let mut connection = db.pool().acquire().await?;
    let result = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await;
    assert!(result.is_ok() || sql.starts_with("KILL"), "{sql}: {result:?}");
    Ok(())
}

#[integration_test]
async fn connection_that_a_test_keeps_does_not_reach_another_test(db: &Mysql<Shop>) -> Result<()> {
    check_fresh_and_change(&db.pool()).await?;
    std::mem::forget(db.pool().acquire().await?);
    Ok(())
}

#[integration_test]
async fn url_opens_the_same_database(db: &Mysql<Shop>) -> Result<()> {
    let mut own = MySqlConnection::connect(db.url()).await?;
    let name: String = sqlx::query_scalar("SELECT database()").fetch_one(&mut own).await?;
    assert_eq!(name, db.name());
    own.close().await?;
    check_fresh_and_change(&db.pool()).await
}

#[integration_test]
async fn two_fixtures_of_one_test_have_different_databases(first: Mysql<Shop>, second: Mysql<Shop>) -> Result<()> {
    check_fresh_and_change(&first.pool()).await?;
    check_fresh_and_change(&second.pool()).await
}

#[integration_test]
fn debug_output_of_the_fixture_contains_no_password(db: &Mysql<Shop>) {
    assert_eq!(format!("{db:?}"), format!("Mysql {{ name: {:?}, .. }}", db.name()));
}

struct Prices;

impl Schema for Prices {
    fn migrator() -> &'static Migrator {
        static PRICES: Migrator = sqlx::migrate!("tests/mysql/versioned");
        &PRICES
    }
}

/// Deleted rows become history of the versioned table, and the next test must not see them.
#[integration_test]
async fn history_of_a_versioned_table_does_not_reach_another_test(
    #[values(1, 2, 3)] _again: u32,
    db: &Mysql<Prices>,
) -> Result<()> {
    let pool = db.pool();
    sqlx::raw_sql("INSERT INTO price VALUES ('book', 1); UPDATE price SET cents = 2; DELETE FROM price")
        .execute(&pool)
        .await?;
    let count = "SELECT count(*) FROM price FOR SYSTEM_TIME ALL";
    let versions: i64 = sqlx::query_scalar(count).fetch_one(&pool).await?;
    assert_eq!(versions, 2);
    Ok(())
}

/// Creates routines and events that the template does not have.
#[integration_test]
#[case::function("CREATE FUNCTION one() RETURNS int DETERMINISTIC RETURN 1")]
#[case::procedure("CREATE PROCEDURE nothing() BEGIN END")]
#[case::event("CREATE EVENT later ON SCHEDULE AT now() + INTERVAL 1 DAY DO DELETE FROM price")]
async fn new_routine_or_event_does_not_reach_another_test(
    #[case] sql: &str,
    #[values(1, 2)] _again: u32,
    db: &Mysql<Prices>,
) -> Result<()> {
    let pool = db.pool();
    let count = "SELECT (SELECT count(*) FROM information_schema.routines WHERE routine_schema = database())
                 + (SELECT count(*) FROM information_schema.events WHERE event_schema = database())";
    let count_before: i64 = sqlx::query_scalar(count).fetch_one(&pool).await?;
    assert_eq!(count_before, 0);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await?;
    Ok(())
}

struct SeededPrices;

impl Schema for SeededPrices {
    fn migrator() -> &'static Migrator {
        Prices::migrator()
    }

    async fn seed(pool: &MySqlPool) -> Result<()> {
        sqlx::query("INSERT INTO price VALUES ('book', 1)").execute(pool).await?;
        Ok(())
    }
}

/// The test restores the rows, so their checksum is unchanged, but the history is not.
#[integration_test]
async fn history_of_seeded_rows_does_not_reach_another_test(
    #[values(1, 2, 3)] _again: u32,
    db: &Mysql<SeededPrices>,
) -> Result<()> {
    let pool = db.pool();
    let count = "SELECT count(*) FROM price FOR SYSTEM_TIME ALL";
    let versions: i64 = sqlx::query_scalar(count).fetch_one(&pool).await?;
    assert_eq!(versions, 1);
    sqlx::raw_sql("UPDATE price SET cents = 2; UPDATE price SET cents = 1").execute(&pool).await?;
    let versions: i64 = sqlx::query_scalar(count).fetch_one(&pool).await?;
    assert_eq!(versions, 3);
    Ok(())
}

/// A schema with features that are easily forgotten when a database is copied or restored.
struct RareFeatures;

impl Schema for RareFeatures {
    fn migrator() -> &'static Migrator {
        Prices::migrator()
    }

    async fn seed(pool: &MySqlPool) -> Result<()> {
        for sql in [
            "ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_german2_ci",
            "CREATE FUNCTION next_of(n int) RETURNS int DETERMINISTIC RETURN n + 1",
            "CREATE VIEW a_call AS SELECT next_of(1) AS two",
            "CREATE TABLE many (id int AUTO_INCREMENT PRIMARY KEY, n int) AUTO_INCREMENT = 500",
            "CREATE TABLE watched (id int AUTO_INCREMENT PRIMARY KEY, n int) AUTO_INCREMENT = 500",
            "CREATE TRIGGER watcher BEFORE INSERT ON watched FOR EACH ROW SET NEW.n = coalesce(NEW.n, 0) + 1",
            "CREATE TABLE hidden (id int PRIMARY KEY, made datetime DEFAULT now(), twice int AS (id * 2) STORED INVISIBLE)",
            "INSERT INTO hidden (id, made) VALUES (1, '2020-01-02')",
            "SET time_zone = '+03:00'; CREATE EVENT later ON SCHEDULE EVERY 1 DAY STARTS '2037-01-02 03:04:05' DO DELETE FROM hidden",
        ] {
            sqlx::raw_sql(sql).execute(pool).await?;
        }
        // Only MariaDB has sequences.
        let version: String = sqlx::query_scalar("SELECT version()").fetch_one(pool).await?;
        if version.contains("MariaDB") {
            let sequence = "CREATE SEQUENCE the_last; CREATE TABLE drawn (id int DEFAULT nextval(the_last), n int)";
            sqlx::raw_sql(sequence).execute(pool).await?;
        }
        Ok(())
    }
}

/// Each case checks that the changes of an earlier case are gone.
#[integration_test]
#[case::nothing("SELECT 1")]
#[case::many(
    "INSERT INTO many (n) WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 1000) SELECT a.i FROM s a, s b LIMIT 3000"
)]
#[case::watched("INSERT INTO watched (n) VALUES (1)")]
#[case::parameters("DROP FUNCTION next_of; CREATE FUNCTION next_of(n bigint) RETURNS int DETERMINISTIC RETURN n + 1")]
#[case::result("DROP FUNCTION next_of; CREATE FUNCTION next_of(n int) RETURNS bigint DETERMINISTIC RETURN n + 1")]
#[case::mode(
    "SET sql_mode = ''; DROP FUNCTION next_of; CREATE FUNCTION next_of(n int) RETURNS int DETERMINISTIC RETURN n + 1"
)]
#[case::event("ALTER EVENT later DISABLE")]
#[case::rights("ALTER FUNCTION next_of SQL SECURITY INVOKER")]
#[case::comment("ALTER FUNCTION next_of COMMENT 'other'")]
#[case::trigger(
    "SET sql_mode = ''; DROP TRIGGER watcher; CREATE TRIGGER watcher BEFORE INSERT ON watched FOR EACH ROW SET NEW.n = coalesce(NEW.n, 0) + 1"
)]
async fn database_with_rare_features_is_restored(#[case] sql: &str, db: &Mysql<RareFeatures>) -> Result<()> {
    let pool = db.pool();
    let characters: (String, String) =
        sqlx::query_as("SELECT @@character_set_database, @@collation_database").fetch_one(&pool).await?;
    assert_eq!(characters, ("latin1".to_owned(), "latin1_german2_ci".to_owned()));
    let routine: (String, String, String, String) = sqlx::query_as(
        "SELECT r.dtd_identifier, p.dtd_identifier, concat(security_type, routine_comment), if(sql_mode = '', 'lax', 'strict')
         FROM information_schema.routines r JOIN information_schema.parameters p
           ON p.specific_schema = routine_schema AND p.specific_name = r.specific_name AND ordinal_position = 1
         WHERE routine_schema = database()",
    )
    .fetch_one(&pool)
    .await?;
    assert!(routine.0.starts_with("int") && routine.1.starts_with("int"), "{routine:?}");
    assert_eq!((routine.2.as_str(), routine.3.as_str()), ("DEFINER", "strict"));
    let event: (String, String, String) = sqlx::query_as(
        "SELECT concat(event_name, ' ', status), cast(starts AS char), time_zone FROM information_schema.events
         WHERE event_schema = database()",
    )
    .fetch_one(&pool)
    .await?;
    assert_eq!(
        (event.0.as_str(), event.1.as_str(), event.2.as_str()),
        ("later ENABLED", "2037-01-02 03:04:05", "+03:00")
    );
    let mode: String = sqlx::query("SHOW TRIGGERS").map(|row: MySqlRow| row.get(6)).fetch_one(&pool).await?;
    assert_ne!(mode, "");
    let hidden: (i32, String, i32) =
        sqlx::query_as("SELECT id, cast(made AS char), twice FROM hidden").fetch_one(&pool).await?;
    assert_eq!(hidden, (1, "2020-01-02 00:00:00".to_owned(), 2));
    let two: i32 = sqlx::query_scalar("SELECT two FROM a_call").fetch_one(&pool).await?;
    assert_eq!(two, 2);
    for table in ["many", "watched"] {
        let insert = format!("INSERT INTO {table} (n) VALUES (1)");
        assert_eq!(sqlx::query(AssertSqlSafe(insert)).execute(&pool).await?.last_insert_id(), 500, "{table}");
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await?;
    Ok(())
}

#[integration_test]
async fn database_with_rare_features_is_copied(db: &Mysql<Cloned<RareFeatures>>) -> Result<()> {
    let two: i32 = sqlx::query_scalar("SELECT two FROM a_call").fetch_one(&db.pool()).await?;
    assert_eq!(two, 2);
    Ok(())
}
