//! Whether statements find their rows by indexes, checked on a real server.

use itest::postgres::{InSchema, Postgres};
use itest::prelude::*;
use sqlx::Connection;
use sqlx::PgConnection;

use crate::schema::{Plain, Shop};

#[integration_test]
#[case::primary_key("SELECT name FROM customer WHERE id = $1")]
#[case::change("UPDATE customer SET name = $2 WHERE id = $1")]
#[case::join("SELECT c.name FROM purchase p JOIN customer c ON c.id = p.customer WHERE p.id = $1")]
#[case::without_a_condition_on_rows("INSERT INTO customer (name) VALUES ($1)")]
#[case::without_parameters("DELETE FROM customer WHERE id = 1")]
async fn statement_with_an_index_for_its_condition_passes(#[case] statement: &str, db: &Postgres<Shop>) -> Result<()> {
    db.assert_uses_index(statement).await
}

#[integration_test]
#[case::unindexed_column(
    "SELECT id FROM product WHERE name = $1",
    "the whole table product for the condition (name = $1)"
)]
#[case::change("DELETE FROM product WHERE name = $1", "the whole table product for the condition (name = $1)")]
#[case::no_condition("SELECT name FROM product", "the whole table product;")]
#[case::no_condition_in_order_of_an_index("SELECT name FROM product ORDER BY id", "the whole table product;")]
async fn statement_that_reads_a_whole_table_is_refused_with_its_condition(
    #[case] statement: &str,
    #[case] expected: &str,
    db: &Postgres<Shop>,
) -> Result<()> {
    #[act]
    let error = db.assert_uses_index(statement).await.err().ok_or("the plan reads no whole table")?.to_string();

    #[assert]
    assert!(error.contains(&format!("`{statement}` reads {expected}")), "{error}");
    assert!(error.ends_with("no index fits"), "{error}");
    Ok(())
}

#[integration_test]
async fn index_of_the_test_is_used_and_the_statement_is_not_run(db: &Postgres<InSchema<Plain>>) -> Result<()> {
    #[arrange]
    let statement = "DELETE FROM note WHERE text = $1";
    assert!(db.assert_uses_index(statement).await.is_err());

    #[act]
    sqlx::query("CREATE INDEX ON note (text)").execute(&db.pool()).await?;

    #[assert]
    db.assert_uses_index(statement).await?;
    let notes: i64 = sqlx::query_scalar("SELECT count(*) FROM note").fetch_one(&db.pool()).await?;
    assert_eq!(notes, 1);
    Ok(())
}

#[integration_test]
async fn statement_that_the_server_refuses_is_named(db: &Postgres<Shop>) -> Result<()> {
    let error =
        db.assert_uses_index("SELECT id FROM custmer").await.err().ok_or("the table does not exist")?.to_string();
    assert!(error.starts_with("cannot plan the statement `SELECT id FROM custmer`: "), "{error}");
    assert!(error.contains("\"custmer\" does not exist"), "{error}");
    Ok(())
}

#[integration_test]
async fn statements_that_passed_a_proxy_are_planned(db: &Postgres<Shop>, proxy: &Proxy) -> Result<()> {
    #[arrange]
    let mut connection = PgConnection::connect(&db.through(proxy)?).await?;

    #[act]
    sqlx::query("SELECT name FROM customer WHERE id = $1").bind(1).fetch_optional(&mut connection).await?;
    sqlx::query("SELECT id FROM product WHERE name = $1").bind("book").fetch_optional(&mut connection).await?;
    connection.close().await?;

    #[assert]
    let statements = proxy.statements();
    db.assert_each_uses_index(&statements.beginning_with(&["SELECT name"])).await?;
    let error = db
        .assert_each_uses_index(&statements.beginning_with(&["SELECT"]))
        .await
        .err()
        .ok_or("the plan reads no whole table")?
        .to_string();
    assert!(error.contains("`SELECT id FROM product WHERE name = $1` reads the whole table product"), "{error}");
    Ok(())
}
