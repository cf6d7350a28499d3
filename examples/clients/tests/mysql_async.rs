//! A suite whose application uses `mysql_async`, and whose schema is one file of SQL.

use itest::mysql::{Cloned, Mysql, SchemaByUrl};
use itest::prelude::*;
use mysql_async::prelude::*;
use mysql_async::{Conn, OptsBuilder};

itest::main!();

struct Shop;

impl SchemaByUrl for Shop {
    async fn migrate(url: &str) -> Result<()> {
        let mut connection = Conn::from_url(url).await?;
        connection.query_drop(include_str!("../migrations/mysql.sql")).await?;
        connection.disconnect().await?;
        Ok(())
    }

    async fn seed(url: &str) -> Result<()> {
        let mut connection = Conn::from_url(url).await?;
        connection.query_drop("INSERT INTO product (name, stock) VALUES ('book', 3)").await?;
        connection.disconnect().await?;
        Ok(())
    }
}

type ShopDb = Mysql<Shop>;

/// Asserts that the only product is the seeded one, and adds another one, which has the second number.
async fn check_fresh_and_add(mut connection: Conn) -> Result<()> {
    let names: Vec<String> = connection.query("SELECT name FROM product").await?;
    assert_eq!(names, ["book"]);
    connection.exec_drop("INSERT INTO product (name) VALUES (?)", ("pen",)).await?;
    assert_eq!(connection.last_insert_id(), Some(2));
    connection.disconnect().await?;
    Ok(())
}

#[integration_test]
async fn schema_is_created(db: &ShopDb) -> Result<()> {
    let mut connection = Conn::from_url(db.url()).await?;
    let stock: Option<i32> = connection.query_first("SELECT stock FROM product").await?;
    assert_eq!(stock, Some(3));
    connection.disconnect().await?;
    Ok(())
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &ShopDb) -> Result<()> {
    check_fresh_and_add(Conn::from_url(db.url()).await?).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Mysql<Cloned<Shop>>) -> Result<()> {
    check_fresh_and_add(Conn::from_url(db.url()).await?).await
}

#[integration_test]
async fn parts_of_the_url_open_the_same_database(db: &ShopDb) -> Result<()> {
    let options = OptsBuilder::default().ip_or_hostname(db.host()).tcp_port(db.port()).user(Some(db.user()));
    let options = options.pass(db.password()).db_name(Some(db.database()));
    let options = options.socket(db.socket().map(|socket| socket.to_string_lossy()));
    check_fresh_and_add(Conn::new(options).await?).await
}
