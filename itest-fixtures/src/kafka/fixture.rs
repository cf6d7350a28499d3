//! The fixture: the topics and the consumer groups of one test.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use itest_runtime::{Error, Outcome, Teardown, TestInfo};

use super::broker::KafkaBroker;
use super::consumer_group::ConsumerGroup;
use super::endpoint::SCHEME;
use super::leftovers::warn_of_leftovers;
use super::new_record::NewRecord;
use super::new_topic::NewTopic;
use super::observer::Observer;
use super::own_records::OwnRecords;
use super::test_topics::TestTopics;
use super::worker::KafkaOfWorker;
use crate::itest::fixture;
use crate::messages::{HasMessages, Messages};

/// Topics and consumer groups of its own for one test, on a Kafka cluster or on librdkafka's mock cluster, and what the code under test publishes on the topics.
///
/// Its methods for messages are those of [`Broker`](crate::Broker), which the prelude contains.
///
/// # Examples
///
/// ```no_run
/// use itest::kafka::{Kafka, KafkaMessage};
/// use itest::prelude::*;
/// # struct Shop;
/// # impl Shop {
/// #     async fn start(servers: &str, topic: &str) -> Result<Self> { drop((servers.to_owned(), topic.to_owned())); Ok(Self) }
/// #     async fn pay(&self, order: u32) -> Result { drop(order); Ok(()) }
/// # }
///
/// #[integration_test]
/// async fn payment_is_announced_once(events: &Kafka) -> Result<()> {
///     #[arrange]
///     let topic = events.topic("payments").partitions(3).await?;
///     let shop = Shop::start(events.bootstrap_servers(), &topic).await?;
///
///     #[act]
///     shop.pay(7).await?;
///
///     #[assert]
///     let paid = events.expect("payments").exactly(1).await?;
///     paid[0].assert_json("/order", 7);
///     assert_eq!(paid[0].key_text(), Some("7"));
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Kafka {
    servers: String,
    topics: TestTopics,
    messages: Messages,
    groups: Arc<Mutex<Vec<ConsumerGroup>>>,
}

impl Kafka {
    /// The addresses with which the code under test connects, separated by commas: `host:port,host:port`.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.servers
    }

    /// The addresses as a URL without a login: `kafka://host:port,host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{SCHEME}{}", self.servers)
    }

    /// The user for SASL/PLAIN, if the cluster's URL has one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.topics.access.cluster.bootstrap().login.as_ref().map(|login| login.user.as_str())
    }

    /// The password for SASL/PLAIN, if the cluster's URL has one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.topics.access.cluster.bootstrap().login.as_ref()?.password.as_deref()
    }

    /// The beginning of the names of all topics and groups of the test, for an application that forms its names itself. Topics and groups with this
    /// prefix are removed after the test. Only topics that [`Kafka::topic`] has made are observed.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.topics.access.names.prefix()
    }

    /// Makes a topic of the test, and returns its full name for the code under test: `events.topic("orders").await?`. From now on, the test sees the records on the topic. If
    /// the test has made the topic already, only the name is returned.
    pub fn topic(&self, name: &str) -> NewTopic<'_> {
        NewTopic::new(&self.topics, name)
    }

    /// A consumer group of the test. It begins when the code under test joins it by its [name](ConsumerGroup::name).
    ///
    /// # Panics
    ///
    /// If Kafka does not accept the name.
    #[must_use]
    #[track_caller]
    pub fn group(&self, name: &str) -> ConsumerGroup {
        let full = self.topics.access.names.full(name);
        let message = full.as_ref().err().map(ToString::to_string);
        assert!(full.is_ok(), "{}", message.unwrap_or_default());
        let group = ConsumerGroup::new(self.topics.access.clone(), full.unwrap_or_default());
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).push(group.clone());
        group
    }

    /// Begins a record that the test publishes to the code under test. No expectation gets it.
    pub fn publish(&self, topic: &str) -> NewRecord<'_> {
        NewRecord::new(&self.messages, topic)
    }
}

impl HasMessages for Kafka {
    fn messages(&self) -> &Messages {
        &self.messages
    }
}

impl fmt::Debug for Kafka {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Kafka({})", self.servers)
    }
}

/// The topics and groups of one test.
#[fixture(crate = crate::itest)]
fn kafka(worker: &KafkaOfWorker, info: &TestInfo, teardown: &Teardown) -> Result<Kafka, Error> {
    // Teardown runs in reverse order: the topics are read to their ends, the messages and the groups are checked, and then the topics are removed.
    let access = worker.lease(teardown)?;
    let own = OwnRecords::default();
    let broker = Arc::new(KafkaBroker::new(access.cluster.clone(), access.names.clone(), own.clone()));
    let messages = Messages::of_test(broker.clone(), info, teardown);
    let groups: Arc<Mutex<Vec<ConsumerGroup>>> = Arc::default();
    let (test, checked, checked_groups, at_end) =
        (info.clone(), Arc::clone(&broker), Arc::clone(&groups), access.clone());
    teardown.defer_with("check for open transactions and unconsumed records of Kafka", move |outcome| async move {
        if outcome != Outcome::Passed {
            return Ok(());
        }
        let groups = checked_groups.lock().unwrap_or_else(PoisonError::into_inner).clone();
        warn_of_leftovers(&at_end, &checked.topics(), &groups, &test).await
    });
    let observer = Observer::start(access.cluster.clone(), access.names.clone(), messages.clone(), own, teardown);
    let servers = access.cluster.bootstrap().addresses();
    Ok(Kafka { servers, topics: TestTopics { access, broker, observer }, messages, groups })
}
