//! A suite whose application uses tokio-postgres, and whose migrations are those of refinery.

use itest::postgres::{Cloned, InSchema, Postgres, SchemaByUrl};
use itest::prelude::*;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls};

itest::main!();

mod embedded {
    refinery::embed_migrations!("migrations/refinery");
}

struct Shop;

impl SchemaByUrl for Shop {
    async fn migrate(url: &str) -> Result<()> {
        let mut session = Session::open(url.parse()?).await?;
        embedded::migrations::runner().run_async(&mut session.client).await?;
        session.close().await
    }

    async fn seed(url: &str) -> Result<()> {
        let session = Session::open(url.parse()?).await?;
        session.client.execute("INSERT INTO product (name, stock) VALUES ('book', 3)", &[]).await?;
        session.close().await
    }
}

type ShopDb = Postgres<Shop>;

/// A client and the task of its connection.
struct Session {
    client: Client,
    connection: JoinHandle<()>,
}

impl Session {
    async fn open(config: Config) -> Result<Self> {
        let (client, connection) = config.connect(NoTls).await?;
        let connection = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { client, connection })
    }

    /// Waits until the connection is closed. If a session is open at the end of a test, its database is not used again.
    async fn close(self) -> Result<()> {
        drop(self.client);
        Ok(self.connection.await?)
    }
}

/// Asserts that the only product is the seeded one, and adds another one, which has the second number.
async fn check_fresh_and_add(url: &str) -> Result<()> {
    let session = Session::open(url.parse()?).await?;
    let names: Vec<String> =
        session.client.query("SELECT name FROM product", &[]).await?.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["book"]);
    let added = session.client.query_one("INSERT INTO product (name) VALUES ('pen') RETURNING id", &[]).await?;
    assert_eq!(added.get::<_, i64>(0), 2);
    session.close().await
}

#[integration_test]
async fn all_migrations_of_refinery_are_applied(db: &ShopDb) -> Result<()> {
    let session = Session::open(db.url().parse()?).await?;
    let applied = session.client.query_one("SELECT count(*) FROM refinery_schema_history", &[]).await?;
    assert_eq!(applied.get::<_, i64>(0), 2);
    session.close().await
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &ShopDb) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<Cloned<Shop>>) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn private_schema_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<InSchema<Shop>>) -> Result<()> {
    check_fresh_and_add(db.url()).await
}

#[integration_test]
async fn parts_of_the_url_open_the_same_database(db: &ShopDb) -> Result<()> {
    let mut config = Config::new();
    config.host(db.host()).port(db.port()).user(db.user()).dbname(db.database());
    if let Some(password) = db.password() {
        config.password(password);
    }
    let session = Session::open(config).await?;
    let name = session.client.query_one("SELECT current_database()::text", &[]).await?;
    assert_eq!(name.get::<_, &str>(0), db.name());
    session.close().await
}
