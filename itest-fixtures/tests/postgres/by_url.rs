//! A schema that the suite fills by its URL works with every isolation. The client of these tests is sqlx, used like any other client.

use itest::postgres::{Cloned, InSchema, InTransaction, Postgres, SchemaByUrl};
use itest::prelude::*;
use sqlx::{Connection, PgConnection};

struct Notes;

impl SchemaByUrl for Notes {
    async fn migrate(url: &str) -> Result<()> {
        execute(url, "CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)").await
    }

    async fn seed(url: &str) -> Result<()> {
        execute(url, "INSERT INTO note (text) VALUES ('seeded')").await
    }
}

/// Connects by the URL, as the code of an application does.
async fn execute(url: &str, sql: &'static str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Asserts that the table has only the seeded row, and adds the row with the next number.
async fn check_fresh_and_add(url: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    let added = "INSERT INTO note (text) VALUES ('new') RETURNING id, (SELECT count(*) FROM note)";
    let added: (i64, i64) = sqlx::query_as(added).fetch_one(&mut connection).await?;
    assert_eq!(added, (2, 1));
    connection.close().await?;
    Ok(())
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &Postgres<Notes>) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<Cloned<Notes>>) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn private_schema_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<InSchema<Notes>>) -> Result<()> {
    assert_ne!(db.database(), db.name());
    check_fresh_and_add(db.url()).await
}

/// The transaction is the one of the fixture's pool. What a connection of the test's own writes is reverted as well.
#[integration_test]
async fn database_of_a_transaction_is_fresh(
    #[values(1, 2, 3)] _again: u32,
    db: &Postgres<InTransaction<Notes>>,
) -> Result<()> {
    sqlx::query("DELETE FROM note").execute(&db.pool()).await?;
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn parts_of_the_url_open_the_same_database(db: &Postgres<Notes>) -> Result<()> {
    let options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
        .host(db.host())
        .port(db.port())
        .username(db.user())
        .password(db.password().unwrap_or_default())
        .database(db.database());
    let mut connection = PgConnection::connect_with(&options).await?;
    let names: (String, String) =
        sqlx::query_as("SELECT current_database()::text, current_user::text").fetch_one(&mut connection).await?;
    assert_eq!(names, (db.name().to_owned(), db.user().to_owned()));
    connection.close().await?;
    Ok(())
}
