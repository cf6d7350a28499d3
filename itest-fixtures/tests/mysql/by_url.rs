//! A schema that the suite fills by its URL works with every isolation. The client of these tests is sqlx, used like any other client.

use itest::mysql::{Cloned, Mysql, SchemaByUrl};
use itest::prelude::*;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Connection, MySqlConnection};

struct Notes;

impl SchemaByUrl for Notes {
    async fn migrate(url: &str) -> Result<()> {
        execute(url, "CREATE TABLE note (id bigint AUTO_INCREMENT PRIMARY KEY, text varchar(50) NOT NULL)").await
    }

    async fn seed(url: &str) -> Result<()> {
        execute(url, "INSERT INTO note (text) VALUES ('seeded')").await
    }
}

/// Connects by the URL, as the code of an application does.
async fn execute(url: &str, sql: &'static str) -> Result<()> {
    let mut connection = MySqlConnection::connect(url).await?;
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Asserts that the table has only the seeded row, and adds the row with the next number.
async fn check_fresh_and_add(url: &str) -> Result<()> {
    let mut connection = MySqlConnection::connect(url).await?;
    let rows: Vec<String> = sqlx::query_scalar("SELECT text FROM note").fetch_all(&mut connection).await?;
    assert_eq!(rows, ["seeded"]);
    let added = sqlx::query("INSERT INTO note (text) VALUES ('new')").execute(&mut connection).await?;
    assert_eq!(added.last_insert_id(), 2);
    connection.close().await?;
    Ok(())
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &Mysql<Notes>) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Mysql<Cloned<Notes>>) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn parts_of_the_url_open_the_same_database(db: &Mysql<Notes>) -> Result<()> {
    let options = MySqlConnectOptions::new().host(db.host()).port(db.port()).username(db.user());
    let options = options.database(db.database());
    let options = if let Some(password) = db.password() { options.password(password) } else { options };
    let options = if let Some(socket) = db.socket() { options.socket(socket) } else { options };
    let mut connection = MySqlConnection::connect_with(&options).await?;
    let name: String = sqlx::query_scalar("SELECT database()").fetch_one(&mut connection).await?;
    assert_eq!(name, db.name());
    connection.close().await?;
    Ok(())
}
