//! Tests on services that can outlive their run.

use std::path::PathBuf;
use std::time::Duration;

use itest::mysql::{self, Mysql};
use itest::postgres::{self, Postgres};
use itest::prelude::*;
use itest::redis::{AsyncCommands, Client};
use itest::service::{AnyService, Namespace, PrivateService, Readiness, ServiceOf};

use sqlx::migrate::Migrator;

itest::main!();

static OF_POSTGRES: Migrator = sqlx::migrate!("suites/postgres_migrations");
static OF_MARIADB: Migrator = sqlx::migrate!("suites/mysql_migrations");

struct Items;

impl postgres::Schema for Items {
    fn migrator() -> &'static Migrator {
        &OF_POSTGRES
    }
}

impl mysql::Schema for Items {
    fn migrator() -> &'static Migrator {
        &OF_MARIADB
    }
}

/// Redis, as a service that the suite defines.
struct Store;

impl AnyService for Store {
    const NAME: &'static str = "Store";
    const VARIABLE: &'static str = "TEST_STORE";
    const PORT: u16 = 6379;
    const URL: &'static str = "redis://:{password}@{host}:{port}/0";
    const PROGRAM: Option<&'static str> = Some("redis-server");
    const CLEAN: Option<fn(Namespace) -> Durable<Namespace>> = Some(delete_keys);

    fn initialize(private: &PrivateService) -> Result<()> {
        // With a title, Redis overwrites its environment, and with it the mark by which itest kills its process after a SIGKILL of everything.
        let databases = std::env::var("STORE_DATABASES").unwrap_or_else(|_| "16".to_owned());
        let text = format!(
            "bind 127.0.0.1\nsave \"\"\nrequirepass {}\ndatabases {databases}\ndir {}\npidfile {}/pid\nset-proc-title no\n",
            private.password(),
            private.folder().display(),
            private.folder().display()
        );
        Ok(std::fs::write(private.folder().join("redis.conf"), text)?)
    }

    fn program(program: Program, private: &PrivateService) -> Program {
        program.arg(private.folder().join("redis.conf")).args(["--port", "{port}"])
    }

    fn ready() -> Readiness {
        Readiness::probe(|url| async move {
            Client::open(url)?.get_multiplexed_async_connection().await?;
            Ok(())
        })
    }
}

/// Deletes the keys of a namespace.
#[teardown]
async fn delete_keys(namespace: Namespace) -> Result<()> {
    let mut connection = Client::open(namespace.url()?)?.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = connection.keys(format!("{}*", namespace.name())).await?;
    for key in keys {
        let _: () = connection.del(key).await?;
    }
    Ok(())
}

/// Adds a key to the store, and finds no other one.
async fn add_the_only_key(store: &ServiceOf<Store>) -> Result<()> {
    let mut connection = Client::open(store.url())?.get_multiplexed_async_connection().await?;
    let keys: Vec<String> = connection.keys("*").await?;
    assert_eq!(keys, Vec::<String>::new());
    let _: () = connection.set(format!("{}:cart", store.namespace()), "x").await?;
    Ok(())
}

/// Waits until the test that has started the suite creates a file.
async fn wait_for_file() -> Result<()> {
    let directory = PathBuf::from(std::env::var("SIGNS")?);
    std::fs::write(directory.join("waiting"), "")?;
    eventually(async || directory.join("continue").exists()).within(Duration::from_secs(50)).equals(true).await?;
    Ok(())
}

#[integration_test]
async fn store(store: &ServiceOf<Store>) -> Result<()> {
    add_the_only_key(store).await
}

#[integration_test]
async fn store_waits(store: &ServiceOf<Store>) -> Result<()> {
    add_the_only_key(store).await?;
    wait_for_file().await
}

#[integration_test]
async fn rabbitmq(events: &Rabbit) -> Result<()> {
    assert!(events.virtual_host().starts_with("itest-"));
    Ok(())
}

#[integration_test]
async fn rabbitmq_waits(events: &Rabbit) -> Result<()> {
    assert!(events.virtual_host().starts_with("itest-"));
    wait_for_file().await
}

/// Asserts that all databases of tests are those of this run, whose names begin like the name of its own one.
fn assert_only_own_databases(databases: &[String], own: &str) {
    let owner = own.rsplitn(3, '_').last().unwrap_or_default();
    let of_tests = databases.iter().filter(|name| name.starts_with("itest_") && !name.contains("template"));
    let others: Vec<_> = of_tests.filter(|name| !name.starts_with(owner) && *name != "itest_leases").collect();
    assert!(others.is_empty(), "{others:?} beside {own}");
}

async fn use_postgres(db: &Postgres<Items>) -> Result<()> {
    let pool = db.pool();
    let own: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&pool).await?;
    let names: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database").fetch_all(&pool).await?;
    assert_only_own_databases(&names, &own);
    let id: i64 = sqlx::query_scalar("INSERT INTO item (name) VALUES ('one') RETURNING id").fetch_one(&pool).await?;
    assert_eq!(id, 1);
    Ok(())
}

#[integration_test]
async fn postgres(db: &Postgres<Items>) -> Result<()> {
    use_postgres(db).await
}

#[integration_test]
async fn postgres_waits(db: &Postgres<Items>) -> Result<()> {
    use_postgres(db).await?;
    wait_for_file().await
}

async fn use_mariadb(db: &Mysql<Items>) -> Result<()> {
    let pool = db.pool();
    let own: String = sqlx::query_scalar("SELECT DATABASE()").fetch_one(&pool).await?;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT CONVERT(schema_name USING utf8mb4) FROM information_schema.schemata")
            .fetch_all(&pool)
            .await?;
    assert_only_own_databases(&names, &own);
    let inserted = sqlx::query("INSERT INTO item (name) VALUES ('one')").execute(&pool).await?;
    assert_eq!(inserted.last_insert_id(), 1);
    Ok(())
}

#[integration_test]
async fn mariadb(db: &Mysql<Items>) -> Result<()> {
    use_mariadb(db).await
}

#[integration_test]
async fn mariadb_waits(db: &Mysql<Items>) -> Result<()> {
    use_mariadb(db).await?;
    wait_for_file().await
}
