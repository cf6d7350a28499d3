//! A suite whose application uses sqlx 0.8, which is another crate than the sqlx 0.9 of itest.

use itest::postgres::{Cloned, InSchema, Postgres, SchemaByUrl};
use itest::prelude::*;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

itest::main!();

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlx");

struct Shop;

impl SchemaByUrl for Shop {
    async fn migrate(url: &str) -> Result<()> {
        let pool = PgPool::connect(url).await?;
        MIGRATIONS.run(&pool).await?;
        pool.close().await;
        Ok(())
    }

    async fn seed(url: &str) -> Result<()> {
        let pool = PgPool::connect(url).await?;
        sqlx::query("INSERT INTO product (name, stock) VALUES ('book', 3)").execute(&pool).await?;
        pool.close().await;
        Ok(())
    }
}

/// The database, with a pool of the application's version of sqlx, which is closed before the database is given back.
struct Pool(PgPool);

#[fixture]
async fn pool(db: &Postgres<Shop>, teardown: &Teardown) -> Result<Pool> {
    let pool = PgPoolOptions::new().max_connections(3).connect(db.url()).await?;
    let closed = pool.clone();
    teardown.defer("close the pool", async move { closed.close().await });
    Ok(Pool(pool))
}

/// Asserts that the only product is the seeded one, and adds another one, which has the second number.
async fn check_fresh_and_add(pool: &PgPool) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM product").fetch_all(pool).await?;
    assert_eq!(names, ["book"]);
    let id: i64 = sqlx::query_scalar("INSERT INTO product (name) VALUES ('pen') RETURNING id").fetch_one(pool).await?;
    assert_eq!(id, 2);
    Ok(())
}

#[integration_test]
async fn all_migrations_of_sqlx_0_8_are_applied(Pool(pool): &Pool) -> Result<()> {
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(pool).await?;
    assert_eq!(applied, 2);
    Ok(())
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, Pool(pool): &Pool) -> Result<()> {
    check_fresh_and_add(pool).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<Cloned<Shop>>) -> Result<()> {
    let pool = PgPool::connect(db.url()).await?;
    check_fresh_and_add(&pool).await?;
    pool.close().await;
    Ok(())
}

#[integration_test]
async fn private_schema_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<InSchema<Shop>>) -> Result<()> {
    let pool = PgPool::connect(db.url()).await?;
    check_fresh_and_add(&pool).await?;
    pool.close().await;
    Ok(())
}

#[integration_test]
async fn parts_of_the_url_open_the_same_database(db: &Postgres<Shop>) -> Result<()> {
    let options = PgConnectOptions::new_without_pgpass().host(db.host()).port(db.port()).username(db.user());
    let options = options.password(db.password().unwrap_or_default()).database(db.database());
    let pool = PgPool::connect_with(options).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&pool).await?;
    assert_eq!(name, db.name());
    pool.close().await;
    Ok(())
}
