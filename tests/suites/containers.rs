//! Tests on databases and brokers whose servers are in containers.

use std::time::Duration;

use itest::mysql::{self, Mysql};
use itest::postgres::{self, Postgres};
use itest::prelude::*;
use itest::redis::Redis;
use itest::service::{AnyService, ContainerOptions, Readiness, ServiceOf};
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rumqttc::{AsyncClient, MqttOptions, QoS};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool};

itest::main!();

struct Items;

impl postgres::Schema for Items {
    fn migrator() -> &'static Migrator {
        static MIGRATIONS: Migrator = sqlx::migrate!("suites/postgres_migrations");
        &MIGRATIONS
    }
}

impl mysql::Schema for Items {
    fn migrator() -> &'static Migrator {
        static MIGRATIONS: Migrator = sqlx::migrate!("suites/mysql_migrations");
        &MIGRATIONS
    }
}

async fn setting(pool: &PgPool, name: &str) -> Result<String> {
    Ok(sqlx::query_scalar(AssertSqlSafe(format!("SHOW {name}"))).fetch_one(pool).await?)
}

#[integration_test(tags("postgres"))]
async fn keeps_items_in_postgres(#[values(1, 2, 3)] _again: u32, db: &Postgres<Items>) -> Result<()> {
    let insert = sqlx::query_scalar("INSERT INTO item (name) VALUES ('new') RETURNING id");
    let id: i64 = insert.fetch_one(&db.pool()).await?;
    assert_eq!(id, 1, "the database is as new");
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn durability_settings_are_off(db: &Postgres<Items>) -> Result<()> {
    for name in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(setting(&db.pool(), name).await?, "off", "{name}");
    }
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn keeps_items_in_mysql(#[values(1, 2, 3)] _again: u32, db: &Mysql<Items>) -> Result<()> {
    let inserted = sqlx::query("INSERT INTO item (name) VALUES ('new')").execute(&db.pool()).await?;
    assert_eq!(inserted.last_insert_id(), 1, "the database is as new");
    Ok(())
}

/// A store of keys, which is Redis without itest's fixture for Redis.
struct Store;

impl AnyService for Store {
    const NAME: &'static str = "Store";
    const VARIABLE: &'static str = "TEST_STORE";
    const PORT: u16 = 6379;
    const URL: &'static str = "redis://:{password}@{host}:{port}/";
    const IMAGE: Option<&'static str> = Some("redis:7-alpine");

    fn container(options: ContainerOptions) -> ContainerOptions {
        options.password("PASSWORD").args(["sh", "-c", "exec redis-server --requirepass \"$PASSWORD\""])
    }

    fn ready() -> Readiness {
        Readiness::command(["redis-cli", "-h", "{host}", "-p", "{port}", "-a", "{password}", "ping"])
    }
}

#[integration_test(tags("service"))]
async fn keeps_a_key_in_a_service_of_the_suite(#[values(1, 2)] _again: u32, store: &ServiceOf<Store>) -> Result<()> {
    let mut connection = redis::Client::open(store.url())?.get_multiplexed_async_connection().await?;
    let key = format!("{}:cart", store.namespace());
    let before: Option<String> = redis::cmd("GETSET").arg(key).arg("book").query_async(&mut connection).await?;
    assert_eq!(before, None, "no other test has this namespace");
    Ok(())
}

#[integration_test(tags("redis"))]
async fn keeps_a_key_in_redis(#[values(1, 2)] _again: u32, db: &Redis) -> Result<()> {
    let mut connection = db.connection().await?;
    let before: Option<String> = redis::cmd("GETSET").arg("cart").arg("book").query_async(&mut connection).await?;
    assert_eq!(before, None, "the database is as new");
    Ok(())
}

#[integration_test(tags("nats"))]
async fn publishes_to_nats(#[values(1, 2)] _again: u32, events: &Nats) -> Result<()> {
    let client = async_nats::connect(events.url()).await?;
    client.publish("order.paid", "7".into()).await?;
    client.drain().await?;
    events.expect("order.paid").exactly(1).await?;
    Ok(())
}

#[integration_test(tags("mqtt"))]
async fn publishes_to_mqtt(#[values(1, 2)] _again: u32, events: &Mqtt) -> Result<()> {
    let options = MqttOptions::new("sensor", events.address().ip().to_string(), events.address().port());
    let (client, mut connection) = AsyncClient::new(options, 10);
    let serving = tokio::spawn(async move { while connection.poll().await.is_ok() {} });
    client.publish("sensor/7/temperature", QoS::AtLeastOnce, false, "20").await?;
    events.expect("sensor/+/temperature").exactly(1).await?;
    client.disconnect().await?;
    serving.await?;
    Ok(())
}

#[integration_test(tags("rabbitmq"))]
async fn publishes_to_rabbitmq(#[values(1, 2)] _again: u32, events: &Rabbit) -> Result<()> {
    let connection = Connection::connect(events.url(), ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.queue_declare("invoices".into(), QueueDeclareOptions::default(), FieldTable::default()).await?;
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish("".into(), "invoices".into(), options, b"7", properties).await?;
    events.expect("invoices").exactly(1).await?;
    connection.close(200, "".into()).await?;
    Ok(())
}

#[integration_test(tags("waits"))]
async fn waits_forever(_db: &Postgres<Items>) {
    println!("ready");
    tokio::time::sleep(Duration::from_secs(50)).await;
}

#[integration_test(ignore = "fails on purpose, for --keep-failed", tags("kept"))]
async fn fails_with_two_databases(_one: &Postgres<Items>, _other: &Mysql<Items>) -> Result<()> {
    Err("look at the databases".into())
}
