//! Every isolation gives each test a database in its first state.

use itest::postgres::{Cloned, InSchema, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;

use crate::schema::{Plain, Shop, Tenants};

/// Makes a purchase in a new shop. Its effect is the same in every test unless an earlier test left something behind.
async fn purchase_in_fresh_shop(pool: &sqlx::PgPool) -> Result<()> {
    let id: i64 = sqlx::query_scalar("INSERT INTO purchase (customer, product) VALUES (2, 2) RETURNING id")
        .fetch_one(pool)
        .await?;
    assert_eq!(id, 2);
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM journal").fetch_one(pool).await?;
    assert_eq!(written, 2);
    sqlx::query("DELETE FROM customer").execute(pool).await?;
    Ok(())
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3, 4, 5)] _again: u32, db: &Postgres<Shop>) -> Result<()> {
    purchase_in_fresh_shop(&db.pool()).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2, 3, 4, 5)] _again: u32, db: &Postgres<Cloned<Shop>>) -> Result<()> {
    purchase_in_fresh_shop(&db.pool()).await
}

#[integration_test]
async fn rolled_back_transaction_leaves_nothing(
    #[values(1, 2, 3, 4, 5)] _again: u32,
    db: &Postgres<InTransaction<Shop>>,
) -> Result<()> {
    purchase_in_fresh_shop(&db.pool()).await
}

#[integration_test]
async fn private_schema_is_fresh(#[values(1, 2, 3)] _again: u32, db: &Postgres<InSchema<Plain>>) -> Result<()> {
    let id: i64 =
        sqlx::query_scalar("INSERT INTO note (text) VALUES ('one') RETURNING id").fetch_one(&db.pool()).await?;
    assert_eq!(id, 2);
    // A connection by the URL uses the same schema.
    let own = sqlx::PgPool::connect(db.url()).await?;
    let notes: i64 = sqlx::query_scalar("SELECT count(*) FROM note").fetch_one(&own).await?;
    assert_eq!(notes, 2);
    own.close().await;
    Ok(())
}

/// The server publishes the counts of a session when it ends, and that may happen while itest checks the sessions.
#[integration_test]
async fn rows_of_a_session_that_ends_with_its_test_are_removed(
    #[values(0, 1, 2, 3)] _hundreds: usize,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: usize,
    #[values(0, 1, 2, 3, 4)] writer: usize,
    db: &Postgres<Recycled<Plain>>,
) -> Result<()> {
    let pool = db.pool();
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(pool.acquire().await?);
    }
    let written = "INSERT INTO note (text) VALUES ('two') RETURNING id";
    let id: i64 = sqlx::query_scalar(written).fetch_one(&mut *sessions[writer]).await?;
    let notes: i64 = sqlx::query_scalar("SELECT count(*) FROM note").fetch_one(&mut *sessions[0]).await?;
    assert_eq!((id, notes), (2, 2));
    Ok(())
}

#[integration_test]
async fn two_fixtures_of_one_test_have_different_databases(
    first: Postgres<Recycled<Shop>>,
    second: Postgres<Recycled<Shop>>,
) -> Result<()> {
    sqlx::query("DELETE FROM journal").execute(&first.pool()).await?;
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM journal").fetch_one(&second.pool()).await?;
    assert_eq!(written, 1);
    Ok(())
}

#[integration_test]
async fn url_opens_the_same_database(db: &Postgres<Shop>) -> Result<()> {
    let own = sqlx::PgPool::connect(db.url()).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&own).await?;
    assert_eq!(name, db.name());
    own.close().await;
    Ok(())
}

#[integration_test]
async fn transactions_of_two_sessions_are_isolated(db: &Postgres<Shop>) -> Result<()> {
    #[arrange]
    let pool = db.pool();
    let mut first = pool.begin().await?;
    let mut second = pool.begin().await?;
    #[act]
    sqlx::query("UPDATE product SET price = 1 WHERE id = 1").execute(&mut *first).await?;
    #[assert]
    let price: i32 = sqlx::query_scalar("SELECT price FROM product WHERE id = 1").fetch_one(&mut *second).await?;
    assert_eq!(price, 1299);
    first.commit().await?;
    let price: i32 = sqlx::query_scalar("SELECT price FROM product WHERE id = 1").fetch_one(&mut *second).await?;
    assert_eq!(price, 1);
    Ok(())
}

#[integration_test]
async fn transaction_of_the_code_is_a_savepoint_within_the_test_transaction(
    db: &Postgres<InTransaction<Shop>>,
) -> Result<()> {
    let pool = db.pool();
    let mut outer = pool.begin().await?;
    sqlx::query("DELETE FROM purchase").execute(&mut *outer).await?;
    outer.rollback().await?;
    let purchases: i64 = sqlx::query_scalar("SELECT count(*) FROM purchase").fetch_one(&pool).await?;
    assert_eq!(purchases, 1);
    let mut outer = pool.begin().await?;
    sqlx::query("DELETE FROM purchase").execute(&mut *outer).await?;
    outer.commit().await?;
    let purchases: i64 = sqlx::query_scalar("SELECT count(*) FROM purchase").fetch_one(&pool).await?;
    assert_eq!(purchases, 0);
    Ok(())
}

#[integration_test]
fn debug_output_of_the_fixture_contains_no_password(db: &Postgres<Shop>) {
    assert_eq!(format!("{db:?}"), format!("Postgres {{ name: {:?}, .. }}", db.name()));
}

#[integration_test]
fn isolation_wrapper_changes_only_the_isolation() {
    assert_eq!(Recycled::<Shop>::identity(), Cloned::<Shop>::identity());
    assert_ne!(Shop::ISOLATION, Cloned::<Shop>::ISOLATION);
}

/// A custom setting that was once set stays defined in its session, so sessions are not used again if the schema reads one.
#[integration_test]
async fn custom_setting_is_undefined_in_the_next_test(
    #[values(1, 2, 3)] _again: u32,
    db: &Postgres<Tenants>,
) -> Result<()> {
    let pool = db.pool();
    let tenant: Option<String> =
        sqlx::query_scalar("SELECT current_setting('app.tenant', true)").fetch_one(&pool).await?;
    assert_eq!(tenant, None);
    sqlx::query("SELECT set_config('app.tenant', 'one', false)").execute(&pool).await?;
    Ok(())
}

/// Entries in catalogs of the whole server that belong to the database.
#[integration_test]
#[case::comment("DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS ''mine''', current_database()); END $$")]
#[case::subscription(
    "CREATE SUBSCRIPTION mine CONNECTION 'host=127.0.0.1 dbname=none' PUBLICATION p WITH (connect = false)"
)]
async fn comment_or_subscription_of_a_test_does_not_reach_another_test(
    #[case] sql: &str,
    #[values(1, 2)] _again: u32,
    db: &Postgres<Shop>,
) -> Result<()> {
    let entries: (Option<String>, i64) = sqlx::query_as(
        "SELECT shobj_description(oid, 'pg_database'), (SELECT count(*) FROM pg_subscription WHERE subdbid = d.oid)
         FROM pg_database d WHERE datname = current_database()",
    )
    .fetch_one(&db.pool())
    .await?;
    assert_eq!(entries, (None, 0));
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&db.pool()).await?;
    Ok(())
}
