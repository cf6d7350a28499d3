//! A test's access to a cluster: a client, and the names of its topics and groups.

use itest_runtime::Error;

use super::cluster::Cluster;
#[cfg(feature = "kafka-mock")]
use super::mock::MockCluster;
use super::names::Names;
use super::topics;

/// A test's access to a cluster.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) cluster: Cluster,
    pub(super) names: Names,
    /// The mock cluster, if the test has one.
    #[cfg(feature = "kafka-mock")]
    pub(super) mock: Option<MockCluster>,
}

impl Access {
    /// Creates a topic with this full name. Without a number of partitions, it has one.
    ///
    /// # Errors
    ///
    /// When the cluster refuses the topic.
    pub(super) async fn create_topic(&self, name: &str, partitions: Option<u16>) -> Result<(), Error> {
        let partitions = partitions.map(i32::from);
        #[cfg(feature = "kafka-mock")]
        if let Some(mock) = &self.mock {
            // The mock cluster does not support the request that creates a topic.
            return mock.create_topic(name, partitions.unwrap_or(1));
        }
        topics::create(&self.cluster, name, partitions).await
    }
}
