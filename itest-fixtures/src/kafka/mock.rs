//! librdkafka's mock cluster: an imitation of Kafka in the process of the test.

use std::sync::Arc;

use itest_runtime::Error;
use rdkafka::ClientConfig;
use rdkafka::bindings::{rd_kafka_handle_mock_cluster, rd_kafka_mock_group_initial_rebalance_delay_ms};
use rdkafka::client::{Client, DefaultClientContext};
use rdkafka::types::RDKafkaType;

use super::endpoint::Bootstrap;
use crate::failure::failed_to;

/// The summary's text about the mock cluster.
pub(super) const DESCRIPTION: &str = "librdkafka's mock cluster, an imitation of Kafka, a new one for each test";

/// How many brokers a mock cluster has.
const BROKERS: &str = "1";

/// A mock cluster. It ends when all its clones are dropped.
#[derive(Clone)]
pub(super) struct MockCluster(Arc<Client<DefaultClientContext>>);

impl std::fmt::Debug for MockCluster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MockCluster")
    }
}

impl MockCluster {
    /// Starts a cluster.
    ///
    /// # Errors
    ///
    /// When librdkafka cannot start it.
    pub(super) fn start() -> Result<Self, Error> {
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", BROKERS);
        let start = || {
            let native = config.create_native_config()?;
            Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, DefaultClientContext)
        };
        let client = start().map_err(|error| failed_to("start librdkafka's mock cluster", &error))?;
        let_groups_begin_at_once(&client);
        Ok(Self(Arc::new(client)))
    }

    /// The address of the cluster.
    ///
    /// # Errors
    ///
    /// When librdkafka has not started it.
    pub(super) fn bootstrap(&self) -> Result<Bootstrap, Error> {
        let cluster = self.0.mock_cluster();
        let bootstrap = cluster.and_then(|cluster| Bootstrap::at(&cluster.bootstrap_servers()));
        bootstrap.ok_or_else(|| Error::new("librdkafka has started no mock cluster"))
    }

    /// Creates a topic.
    ///
    /// # Errors
    ///
    /// When the topic exists already.
    pub(super) fn create_topic(&self, name: &str, partitions: i32) -> Result<(), Error> {
        let Some(cluster) = self.0.mock_cluster() else { return Ok(()) };
        let created = cluster.create_topic(name, partitions, 1);
        created.map_err(|error| failed_to(&format!("create the topic {name}"), &error))
    }
}

/// Sets the time for which a new group waits for further members to zero. It is 3 seconds otherwise, in each test that has a consumer.
#[expect(unsafe_code, reason = "the crate rdkafka has no function for this setting")]
fn let_groups_begin_at_once(client: &Client<DefaultClientContext>) {
    // SAFETY: the pointer of the client is valid while the client is borrowed, and the cluster belongs to the client. The second function writes one number of the
    // cluster, which the cluster's thread reads when a group gets its first member; this client has no members yet.
    unsafe {
        let cluster = rd_kafka_handle_mock_cluster(client.native_ptr());
        if !cluster.is_null() {
            rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
    }
}
