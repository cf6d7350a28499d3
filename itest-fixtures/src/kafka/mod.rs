//! Kafka for tests: topics and consumer groups of its own for each test, and what the code under test publishes.

mod access;
mod api_key;
mod batch;
mod broker;
mod cluster;
mod code;
mod compression;
mod connection;
mod consumer_group;
mod endpoint;
mod fields;
mod fixture;
mod groups;
mod leftovers;
mod log;
mod message;
#[cfg(feature = "kafka-mock")]
mod mock;
mod names;
mod new_record;
mod new_topic;
mod observer;
mod own_records;
mod partitioner;
mod source;
mod test_topics;
mod topics;
mod worker;

pub use consumer_group::{ConsumerGroup, GroupOffset};
pub use fixture::Kafka;
pub use message::KafkaMessage;
pub use new_record::NewRecord;
pub use new_topic::NewTopic;
