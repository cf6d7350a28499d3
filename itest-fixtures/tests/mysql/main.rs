//! MariaDB's and MySQL's fixture on a real server: the one that `ITEST_MYSQL_URL` names, or a private one.

#[path = "../histories/mod.rs"]
mod generated;
mod histories;
mod schema;
mod snapshot;
mod statements;

use itest::mysql::{Cloned, Mysql};
use itest::prelude::*;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, MySqlPool};

use crate::schema::Shop;

itest::main!();

/// Everything that a fresh shop has, seen by what a test does with it.
async fn is_fresh(pool: &MySqlPool) -> Result<()> {
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
async fn a_recycled_database_is_as_new(#[values(1, 2, 3, 4, 5, 6)] _again: u32, db: &Mysql<Shop>) -> Result<()> {
    is_fresh(&db.pool()).await
}

#[integration_test]
async fn a_clone_is_as_new(#[values(1, 2, 3)] _again: u32, db: &Mysql<Cloned<Shop>>) -> Result<()> {
    is_fresh(&db.pool()).await
}

/// Whatever a test does, the next one, of which there are many, finds a fresh database.
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
async fn a_test_may_do_anything(#[case] sql: &str, db: &Mysql<Shop>) -> Result<()> {
    is_fresh(&db.pool()).await?;
    let mut connection = db.pool().acquire().await?;
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await;
    assert!(done.is_ok() || sql.starts_with("KILL"), "{sql}: {done:?}");
    Ok(())
}

#[integration_test]
async fn a_kept_connection_is_nobody_elses(db: &Mysql<Shop>) -> Result<()> {
    is_fresh(&db.pool()).await?;
    std::mem::forget(db.pool().acquire().await?);
    Ok(())
}

#[integration_test]
async fn the_url_leads_to_the_same_database(db: &Mysql<Shop>) -> Result<()> {
    let mut own = MySqlConnection::connect(db.url()).await?;
    let name: String = sqlx::query_scalar("SELECT database()").fetch_one(&mut own).await?;
    assert_eq!(name, db.name());
    own.close().await?;
    is_fresh(&db.pool()).await
}

#[integration_test]
async fn two_databases_of_one_test_are_two(mine: Mysql<Shop>, yours: Mysql<Shop>) -> Result<()> {
    is_fresh(&mine.pool()).await?;
    is_fresh(&yours.pool()).await
}

#[integration_test]
fn what_a_fixture_says_of_itself_holds_no_password(db: &Mysql<Shop>) {
    assert_eq!(format!("{db:?}"), format!("Mysql {{ name: {:?}, .. }}", db.name()));
}

struct Prices;

impl itest::mysql::Schema for Prices {
    fn migrator() -> &'static sqlx::migrate::Migrator {
        static PRICES: sqlx::migrate::Migrator = sqlx::migrate!("tests/mysql/versioned");
        &PRICES
    }
}

/// What was deleted is history, which the next test must not find.
#[integration_test]
async fn history_is_nobody_elses(#[values(1, 2, 3)] _again: u32, db: &Mysql<Prices>) -> Result<()> {
    let pool = db.pool();
    sqlx::raw_sql("INSERT INTO price VALUES ('book', 1); UPDATE price SET cents = 2; DELETE FROM price")
        .execute(&pool)
        .await?;
    let count = "SELECT count(*) FROM price FOR SYSTEM_TIME ALL";
    let versions: i64 = sqlx::query_scalar(count).fetch_one(&pool).await?;
    assert_eq!(versions, 2);
    Ok(())
}
