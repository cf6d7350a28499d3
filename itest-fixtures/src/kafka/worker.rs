//! The Kafka of a worker: the prefix of its tests' names, which is in the ledger before the first topic exists.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use itest_runtime::{Error, Teardown};

use super::access::Access;
use super::api_key::ApiKey;
use super::cluster::Cluster;
#[cfg(feature = "kafka-mock")]
use super::mock::MockCluster;
use super::names::{Names, new_prefix};
use super::source::{KafkaSource, bootstrap_of_url};
use super::{groups, topics};
use crate::itest::{fixture, teardown};

/// The Kafka of a worker.
#[derive(Debug, Clone)]
pub(crate) struct KafkaOfWorker {
    source: KafkaSource,
    prefix: String,
    /// How many tests have used Kafka.
    tests: Arc<AtomicU32>,
}

/// The ledger's entry for the topics and groups of a worker.
#[derive(Debug, Serialize, Deserialize)]
struct Leftovers {
    prefix: String,
}

/// Removes the topics and the groups of a worker.
#[teardown(crate = crate::itest)]
async fn remove_kafka_topics(leftovers: Leftovers) -> Result<(), Error> {
    remove(&Cluster::new(bootstrap_of_url()?), &leftovers.prefix).await
}

/// Removes the topics and the groups whose names begin so.
async fn remove(cluster: &Cluster, prefix: &str) -> Result<(), Error> {
    let connection = cluster.connect_to_any().await?;
    let can_delete = connection.supports(ApiKey::DeleteTopics);
    cluster.give_back(connection);
    if !can_delete {
        return Ok(());
    }
    let names = topics::with_prefix(cluster, prefix).await?;
    topics::delete(cluster, &names).await?;
    for group in groups::with_prefix(cluster, prefix).await? {
        groups::delete(cluster, &group).await?;
    }
    Ok(())
}

impl KafkaOfWorker {
    /// Gives a test access to a cluster. Its teardown removes the topics and the groups of the test.
    ///
    /// # Errors
    ///
    /// When there is no URL of Kafka any more, or no mock cluster can be started.
    pub(super) fn lease(&self, teardown: &Teardown) -> Result<Access, Error> {
        let names = Names::new(&self.prefix, self.tests.fetch_add(1, Ordering::Relaxed));
        match self.source {
            KafkaSource::Cluster { .. } => {
                let cluster = Cluster::new(bootstrap_of_url()?);
                let (cleaned, prefix) = (cluster.clone(), names.prefix().to_owned());
                teardown.defer("remove the topics of Kafka", async move { remove(&cleaned, &prefix).await });
                Ok(Access {
                    cluster,
                    names,
                    #[cfg(feature = "kafka-mock")]
                    mock: None,
                })
            }
            #[cfg(feature = "kafka-mock")]
            KafkaSource::Mock => {
                let mock = MockCluster::start()?;
                let cluster = Cluster::new(mock.bootstrap()?);
                let ended = mock.clone();
                teardown.defer("end librdkafka's mock cluster", async move {
                    // The end waits for the threads of the cluster.
                    tokio::task::spawn_blocking(|| drop(ended)).await.map_err(Error::from)
                });
                Ok(Access { cluster, names, mock: Some(mock) })
            }
        }
    }
}

/// The Kafka of a worker. Its topics are removed when it ends, and after a crash.
#[fixture(scope = "worker", crate = crate::itest)]
fn kafka_of_worker(source: &KafkaSource, teardown: &Teardown) -> Result<KafkaOfWorker, Error> {
    let prefix = new_prefix();
    if matches!(source, KafkaSource::Cluster { .. }) {
        teardown.durable(remove_kafka_topics, Leftovers { prefix: prefix.clone() })?;
    }
    Ok(KafkaOfWorker { source: source.clone(), prefix, tests: Arc::default() })
}
