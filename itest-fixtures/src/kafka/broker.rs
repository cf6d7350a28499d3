//! Kafka as a broker of messages.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};

use itest_runtime::Error;

use super::batch::RecordContent;
use super::cluster::Cluster;
use super::log::produce;
use super::names::Names;
use super::own_records::{OwnRecords, Place};
use super::partitioner::partition_of;
use crate::messages::{BoxFuture, Content, Protocol, Record, RecordValue};

/// The topics of one test, as a broker.
#[derive(Debug)]
pub(super) struct KafkaBroker {
    cluster: Cluster,
    names: Names,
    own: OwnRecords,
    /// The names of the topics that the test has made, as the test uses them.
    topics: Mutex<Vec<String>>,
    /// The partition of the last record without a key.
    last_partition: AtomicI32,
}

impl KafkaBroker {
    pub(super) fn new(cluster: Cluster, names: Names, own: OwnRecords) -> Self {
        Self { cluster, names, own, topics: Mutex::default(), last_partition: AtomicI32::new(-1) }
    }

    /// Notes a topic of the test. The result is false if the test has made it already.
    pub(super) fn add_topic(&self, name: &str) -> bool {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !topics.iter().any(|known| known == name);
        if is_new {
            topics.push(name.to_owned());
        }
        is_new
    }

    /// The topics of the test.
    pub(super) fn topics(&self) -> Vec<String> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The partition for a record: the one that it names, that of its key, or the next one.
    async fn partition(&self, topic: &str, record: &Record) -> Result<i32, Error> {
        if let Some(partition) = record.partition {
            return Ok(partition);
        }
        let count = i32::try_from(self.cluster.leaders(topic).await?.len()).unwrap_or(i32::MAX);
        Ok(match &record.key {
            Some(key) => partition_of(key, count),
            None => self.last_partition.fetch_add(1, Ordering::Relaxed).wrapping_add(1).rem_euclid(count),
        })
    }
}

impl Protocol for KafkaBroker {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn matches(&self, pattern: &str, topic: &str) -> bool {
        self.names.short(pattern) == topic
    }

    fn publish<'c>(&'c self, content: &'c Content) -> BoxFuture<'c, Result<(), Error>> {
        Box::pin(async move {
            let short = self.names.short(&content.topic).to_owned();
            let topics = self.topics();
            if !topics.contains(&short) {
                return Err(Error::new(format!(
                    "the test has no topic {short}; call `topic({short:?})` first; its topics: {}",
                    listed(&topics)
                )));
            }
            let (topic, record) = (self.names.full(&short)?, content.record.clone().unwrap_or_default());
            let partition = self.partition(&topic, &record).await?;
            let value = (record.value == RecordValue::Present).then(|| content.body.clone());
            let record = RecordContent { key: record.key, value, headers: content.headers.clone() };
            let (cluster, name) = (self.cluster.clone(), topic.clone());
            let publication = async move {
                let offset = produce(&cluster, &name, partition, &record).await?;
                Ok(Place { topic: name, partition, offset })
            };
            self.own.publish(&topic, publication).await
        })
    }

    fn close(&self) {
        self.cluster.close();
    }

    fn nothing_published(&self) -> String {
        format!(
            "the code under test has published nothing on the topics of the test ({}); it must use the names that `topic` returns",
            listed(&self.topics())
        )
    }
}

fn listed(topics: &[String]) -> String {
    if topics.is_empty() { "none".to_owned() } else { topics.join(", ") }
}
