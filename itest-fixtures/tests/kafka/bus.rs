//! The client of the code under test.

use std::time::Duration;

use itest::prelude::*;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, FutureProducer, FutureRecord};

/// How long the client waits.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// The producer of the code under test.
pub(crate) struct Bus {
    pub(crate) servers: String,
    pub(crate) producer: FutureProducer,
}

#[fixture]
fn bus(events: &Kafka) -> Result<Bus> {
    Bus::connect(events.bootstrap_servers())
}

impl Bus {
    pub(crate) fn connect(servers: &str) -> Result<Self> {
        let producer = config(servers).set("linger.ms", "0").create()?;
        Ok(Self { servers: servers.to_owned(), producer })
    }

    /// A producer with this setting.
    pub(crate) fn producer_with(&self, name: &str, value: &str) -> Result<FutureProducer> {
        Ok(config(&self.servers).set("linger.ms", "0").set(name, value).create()?)
    }

    /// A producer of transactions.
    pub(crate) fn transactional_producer(&self, id: &str) -> Result<BaseProducer> {
        Ok(config(&self.servers).set("transactional.id", id).create()?)
    }

    /// Sends a record with a key and a header.
    pub(crate) async fn send(&self, topic: &str, key: &str, value: &str) -> Result<()> {
        let headers = OwnedHeaders::new().insert(Header { key: "Trace-Id", value: Some("7") });
        let record = FutureRecord::to(topic).key(key).payload(value).headers(headers);
        self.producer.send(record, TIMEOUT).await.map_err(|(error, _)| error)?;
        Ok(())
    }

    /// A consumer of a topic, as a member of a group.
    pub(crate) fn subscribe(&self, topic: &str, group: &str) -> Result<StreamConsumer> {
        let consumer: StreamConsumer = config(&self.servers)
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .create()?;
        consumer.subscribe(&[topic])?;
        Ok(consumer)
    }
}

/// The next message of a consumer.
pub(crate) async fn next(consumer: &StreamConsumer) -> Result<OwnedMessage> {
    let received = tokio::time::timeout(TIMEOUT, consumer.recv()).await;
    Ok(received.map_err(|_| "the consumer gets no message")??.detach())
}

/// Commits what a consumer has received.
pub(crate) fn commit(consumer: &StreamConsumer) -> Result<()> {
    Ok(consumer.commit_consumer_state(CommitMode::Sync)?)
}

pub(crate) fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("message.timeout.ms", "10000");
    config
}
