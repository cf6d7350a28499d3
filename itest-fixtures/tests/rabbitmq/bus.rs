//! The client of the code under test.

use std::time::Duration;

use futures_util::StreamExt;
use itest::prelude::*;
use itest::rabbitmq::Topology;
use lapin::message::Delivery;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};

/// A connection with one channel.
pub(crate) struct Bus {
    pub(crate) connection: Connection,
    pub(crate) channel: Channel,
}

#[fixture]
async fn bus(events: &Rabbit) -> Result<Bus> {
    Bus::connect(events.url()).await
}

/// How long a test waits for a delivery.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Bus {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        Ok(Self { connection, channel })
    }

    /// A topic exchange, and a queue that is bound to it.
    pub(crate) async fn declare(&self, exchange: &str, queue: &str, pattern: &str) -> Result {
        self.declare_exchange(exchange).await?;
        self.declare_queue(queue, FieldTable::default()).await?;
        let (queue, exchange, pattern) = (queue.into(), exchange.into(), pattern.into());
        self.channel.queue_bind(queue, exchange, pattern, QueueBindOptions::default(), FieldTable::default()).await?;
        Ok(())
    }

    pub(crate) async fn declare_exchange(&self, exchange: &str) -> Result {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        self.channel.exchange_declare(exchange.into(), ExchangeKind::Topic, options, FieldTable::default()).await?;
        Ok(())
    }

    pub(crate) async fn declare_queue(&self, queue: &str, arguments: FieldTable) -> Result {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), options, arguments).await?;
        Ok(())
    }

    /// Publishes a message, and waits for its confirmation if the channel is in that mode.
    pub(crate) async fn send(&self, exchange: &str, key: &str, body: &str) -> Result {
        self.send_with(exchange, key, body, BasicProperties::default()).await
    }

    pub(crate) async fn send_with(&self, exchange: &str, key: &str, body: &str, properties: BasicProperties) -> Result {
        let options = BasicPublishOptions::default();
        let (exchange, key) = (exchange.into(), key.into());
        self.channel.basic_publish(exchange, key, options, body.as_bytes(), properties).await?.await?;
        Ok(())
    }

    pub(crate) async fn confirm(&self) -> Result {
        Ok(self.channel.confirm_select(ConfirmSelectOptions::default()).await?)
    }

    pub(crate) async fn consume(&self, queue: &str) -> Result<Consumer> {
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        Ok(self.channel.basic_consume(queue.into(), "".into(), options, arguments).await?)
    }
}

/// The next delivery to a consumer.
pub(crate) async fn next(consumer: &mut Consumer) -> Result<Delivery> {
    let delivery = tokio::time::timeout(TIMEOUT, consumer.next()).await?;
    Ok(delivery.ok_or("the consumer has ended")??)
}

/// An exchange, a queue of payments, and a queue of what it has given up.
pub(crate) struct ShopTopology;

impl Topology for ShopTopology {
    async fn declare(url: &str) -> Result {
        let bus = Bus::connect(url).await?;
        bus.declare("shop", "payments", "order.*").await?;
        bus.declare_queue("dead", FieldTable::default()).await?;
        bus.connection.close(200, "".into()).await?;
        Ok(())
    }
}
