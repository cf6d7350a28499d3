//! Every isolation gives every test what it asked for.

use itest::postgres::{Cloned, InSchema, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;

use crate::schema::{Plain, Shop, Tenants};

/// What a purchase does to a fresh shop; it is the same for every test, or something was left behind.
async fn buys(pool: &sqlx::PgPool) -> Result<()> {
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
async fn a_recycled_database_is_as_new(#[values(1, 2, 3, 4, 5)] _again: u32, db: &Postgres<Shop>) -> Result<()> {
    buys(&db.pool()).await
}

#[integration_test]
async fn a_clone_is_as_new(#[values(1, 2, 3, 4, 5)] _again: u32, db: &Postgres<Cloned<Shop>>) -> Result<()> {
    buys(&db.pool()).await
}

#[integration_test]
async fn a_transaction_leaves_nothing(
    #[values(1, 2, 3, 4, 5)] _again: u32,
    db: &Postgres<InTransaction<Shop>>,
) -> Result<()> {
    buys(&db.pool()).await
}

#[integration_test]
async fn a_schema_of_its_own_is_as_new(#[values(1, 2, 3)] _again: u32, db: &Postgres<InSchema<Plain>>) -> Result<()> {
    let id: i64 =
        sqlx::query_scalar("INSERT INTO note (text) VALUES ('one') RETURNING id").fetch_one(&db.pool()).await?;
    assert_eq!(id, 2);
    // Whoever connects by the URL is in the same schema.
    let own = sqlx::PgPool::connect(db.url()).await?;
    let notes: i64 = sqlx::query_scalar("SELECT count(*) FROM note").fetch_one(&own).await?;
    assert_eq!(notes, 2);
    own.close().await;
    Ok(())
}

/// The counts of a session are written down when it ends, which may be while it is looked for.
#[integration_test]
async fn what_a_session_wrote_that_ends_with_its_test_is_taken_back(
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
async fn two_databases_of_one_test_are_two(
    mine: Postgres<Recycled<Shop>>,
    yours: Postgres<Recycled<Shop>>,
) -> Result<()> {
    sqlx::query("DELETE FROM journal").execute(&mine.pool()).await?;
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM journal").fetch_one(&yours.pool()).await?;
    assert_eq!(written, 1);
    Ok(())
}

#[integration_test]
async fn the_url_leads_to_the_same_database(db: &Postgres<Shop>) -> Result<()> {
    let own = sqlx::PgPool::connect(db.url()).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&own).await?;
    assert_eq!(name, db.name());
    own.close().await;
    Ok(())
}

#[integration_test]
async fn transactions_of_other_sessions_are_real(db: &Postgres<Shop>) -> Result<()> {
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
async fn the_codes_own_transactions_are_savepoints(db: &Postgres<InTransaction<Shop>>) -> Result<()> {
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
fn what_a_fixture_says_of_itself_holds_no_password(db: &Postgres<Shop>) {
    assert_eq!(format!("{db:?}"), format!("Postgres {{ name: {:?}, .. }}", db.name()));
}

#[integration_test]
fn the_same_declaration_serves_every_isolation() {
    assert_eq!(Recycled::<Shop>::identity(), Cloned::<Shop>::identity());
    assert_ne!(Shop::ISOLATION, Cloned::<Shop>::ISOLATION);
}

/// In a session that has had such a setting it is empty for ever, so that sessions are not kept where the schema reads one.
#[integration_test]
async fn a_setting_of_the_schemas_own_is_unset(#[values(1, 2, 3)] _again: u32, db: &Postgres<Tenants>) -> Result<()> {
    let pool = db.pool();
    let tenant: Option<String> =
        sqlx::query_scalar("SELECT current_setting('app.tenant', true)").fetch_one(&pool).await?;
    assert_eq!(tenant, None);
    sqlx::query("SELECT set_config('app.tenant', 'one', false)").execute(&pool).await?;
    Ok(())
}

/// What stands in catalogs of the whole server, and is nevertheless the database's.
#[integration_test]
#[case::comment("DO $$ BEGIN EXECUTE format('COMMENT ON DATABASE %I IS ''mine''', current_database()); END $$")]
#[case::subscription(
    "CREATE SUBSCRIPTION mine CONNECTION 'host=127.0.0.1 dbname=none' PUBLICATION p WITH (connect = false)"
)]
async fn what_is_said_of_the_database_is_nobody_elses(
    #[case] sql: &str,
    #[values(1, 2)] _again: u32,
    db: &Postgres<Shop>,
) -> Result<()> {
    let found: (Option<String>, i64) = sqlx::query_as(
        "SELECT shobj_description(oid, 'pg_database'), (SELECT count(*) FROM pg_subscription WHERE subdbid = d.oid)
         FROM pg_database d WHERE datname = current_database()",
    )
    .fetch_one(&db.pool())
    .await?;
    assert_eq!(found, (None, 0));
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&db.pool()).await?;
    Ok(())
}
