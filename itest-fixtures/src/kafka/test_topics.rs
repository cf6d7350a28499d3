//! The topics that a test makes.

use std::sync::Arc;

use itest_runtime::Error;

use super::access::Access;
use super::broker::KafkaBroker;
use super::observer::Observer;

/// Makes the topics of a test, and observes them.
#[derive(Debug)]
pub(super) struct TestTopics {
    pub(super) access: Access,
    pub(super) broker: Arc<KafkaBroker>,
    pub(super) observer: Observer,
}

impl TestTopics {
    /// Makes a topic, unless the test has made it already, and returns its full name.
    ///
    /// # Errors
    ///
    /// When Kafka does not accept the name, or the cluster refuses the topic.
    pub(super) async fn make(&self, name: &str, partitions: Option<u16>) -> Result<String, Error> {
        let full = self.access.names.full(name)?;
        if self.broker.add_topic(self.access.names.short(name)) {
            self.access.create_topic(&full, partitions).await?;
            self.observer.observe(&full).await?;
        }
        Ok(full)
    }
}
