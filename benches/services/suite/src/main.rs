//! The same small test on clean services, and on services that are not cleaned: 20 times, and 200 times more.

mod mail_sink;
mod plain_broker;
mod plain_servers;
mod plain_store;

use std::time::Duration;

use futures_util::StreamExt;
use itest::prelude::*;
use itest::redis::{AsyncCommands, Client, Redis};
use itest::s3::Bucket;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Message, Tokio1Executor};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, QoS};
use rusty_s3::{Credentials, S3Action, UrlStyle};

use crate::mail_sink::PlainMail;
use crate::plain_broker::PlainRabbit;
use crate::plain_servers::{PlainMqtt, PlainNats, PlainRedis};
use crate::plain_store::PlainStore;

itest::main!();

const RECIPIENT: &str = "ada@example.org";

/// The body of the tests of Redis: connects, sets a key, and gets it.
async fn use_redis(url: &str) -> Result<()> {
    let mut connection = Client::open(url)?.get_multiplexed_async_connection().await?;
    let _: () = connection.set("order:7", "paid").await?;
    let value: String = connection.get("order:7").await?;
    assert_eq!(value, "paid");
    Ok(())
}

/// The body of the tests of NATS: connects, subscribes, publishes, and receives the message.
async fn use_nats(url: &str) -> Result<()> {
    let client = async_nats::connect(url).await?;
    let mut orders = client.subscribe("orders").await?;
    client.publish("orders", "paid".into()).await?;
    let message = orders.next().await.ok_or("the subscription has ended")?;
    assert_eq!(message.payload, "paid");
    client.drain().await?;
    Ok(())
}

/// The body of the tests of MQTT: connects, subscribes, publishes, and receives the message.
async fn use_mqtt(url: &str) -> Result<()> {
    let (host, port) = url.trim_start_matches("mqtt://").split_once(':').ok_or("the URL has no port")?;
    let (client, mut connection) = AsyncClient::new(MqttOptions::new("shop", host, port.parse()?), 10);
    client.subscribe("orders", QoS::AtMostOnce).await?;
    loop {
        match connection.poll().await? {
            Event::Incoming(Incoming::SubAck(_)) => client.publish("orders", QoS::AtMostOnce, false, "paid").await?,
            Event::Incoming(Incoming::Publish(message)) => {
                assert_eq!(message.payload, "paid");
                return Ok(());
            }
            _ => {}
        }
    }
}

/// The body of the tests of RabbitMQ: connects, declares a queue, publishes, and receives the message.
async fn use_rabbit(url: &str) -> Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    // The server names the queue, because two workers share the virtual host that is not cleaned.
    let queue = channel.queue_declare("".into(), exclusive, FieldTable::default()).await?.name().clone();
    let consuming = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut orders = channel.basic_consume(queue.clone(), "billing".into(), consuming, FieldTable::default()).await?;
    let publishing = BasicPublishOptions::default();
    channel.basic_publish("".into(), queue, publishing, b"paid", BasicProperties::default()).await?;
    let message = orders.next().await.ok_or("the consumer has ended")??;
    assert_eq!(message.data, b"paid");
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// The body of the tests of S3: stores an object, and reads it.
async fn use_bucket(endpoint: &str, bucket: &str, credentials: &Credentials) -> Result<()> {
    const VALIDITY: Duration = Duration::from_mins(1);
    let bucket = rusty_s3::Bucket::new(endpoint.parse()?, UrlStyle::Path, bucket.to_owned(), "us-east-1")?;
    let client = reqwest::Client::new();
    let put = bucket.put_object(Some(credentials), "receipts/7.json").sign(VALIDITY);
    client.put(put).body("paid").send().await?.error_for_status()?;
    let get = bucket.get_object(Some(credentials), "receipts/7.json").sign(VALIDITY);
    assert_eq!(client.get(get).send().await?.error_for_status()?.text().await?, "paid");
    Ok(())
}

/// The body of the tests of mail: connects, and sends a mail.
async fn send_mail(host: &str, port: u16) -> Result<()> {
    let mail = Message::builder().from("shop@example.org".parse()?).to(RECIPIENT.parse()?).subject("Your receipt");
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port).build();
    transport.send(mail.body("2 books".to_owned())?).await?;
    Ok(())
}

/// The same tests with a fixture: 20, 200 more, and one that only requests the fixture.
macro_rules! tests {
    ($($module:ident: $name:ident: $fixture:ty => $body:expr;)+) => {
        $(
            mod $module {
                use super::*;

                #[integration_test]
                async fn few(
                    #[values(0, 1)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    $name: &$fixture,
                ) -> Result<()> {
                    $body
                }

                #[integration_test]
                async fn more(
                    #[values(0, 1)] _hundreds: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    $name: &$fixture,
                ) -> Result<()> {
                    $body
                }

                #[integration_test]
                fn start(_fixture: &$fixture) {}
            }
        )+
    };
}

tests! {
    clean_redis: redis: Redis => use_redis(redis.url()).await;
    plain_redis: redis: PlainRedis => use_redis(redis.url()).await;
    clean_nats: nats: Nats => use_nats(nats.url()).await;
    plain_nats: nats: PlainNats => use_nats(nats.url()).await;
    clean_mqtt: events: Mqtt => use_mqtt(events.url()).await;
    plain_mqtt: events: PlainMqtt => use_mqtt(events.url()).await;
    clean_rabbit: events: Rabbit => use_rabbit(events.url()).await;
    plain_rabbit: events: PlainRabbit => use_rabbit(events.url()).await;
    clean_bucket: receipts: Bucket => {
        let credentials = Credentials::new(receipts.access_key(), receipts.secret_key());
        use_bucket(receipts.endpoint(), receipts.name(), &credentials).await
    };
    plain_bucket: receipts: PlainStore => {
        use_bucket(receipts.endpoint(), "receipts", &Credentials::new("key", "secret")).await
    };
    clean_mail: mailbox: Mailbox => {
        send_mail(&mailbox.host(), mailbox.port()).await?;
        mailbox.expect(RECIPIENT).await?;
        Ok(())
    };
    plain_mail: mail: PlainMail => send_mail(mail.host(), mail.port()).await;
}

/// A test without fixtures.
#[integration_test]
fn empty() {}
