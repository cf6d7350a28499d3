//! A topic of SNS.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use itest_runtime::Error;

use super::client::AwsClient;
use super::namespace::Namespace;
use super::queue::Queue;
use super::resources::name_of_arn;
use crate::failure::with_action;
use crate::xml::texts_of;

/// A topic of SNS.
#[derive(Debug, Clone)]
pub struct Topic {
    client: AwsClient,
    namespace: Namespace,
    arn: String,
    observers: Arc<AtomicU32>,
}

impl Topic {
    pub(super) async fn create(client: &AwsClient, namespace: &Namespace, name: &str) -> Result<Self, Error> {
        let xml = client.sns("CreateTopic", &[("Name", name)]).await?;
        let arn = texts_of(&xml, "TopicArn").pop();
        let arn = arn.ok_or_else(|| with_action("create a topic", "the answer of the server has no ARN"))?;
        Ok(Self { client: client.clone(), namespace: namespace.clone(), arn, observers: Arc::default() })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        name_of_arn(&self.arn)
    }

    /// The ARN, with which clients name the topic.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Publishes a message.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    #[track_caller]
    pub fn publish(&self, message: impl Into<String>) -> impl Future<Output = Result<(), Error>> + Send {
        let (location, message) = (Location::caller(), message.into());
        async move {
            let parameters = [("TopicArn", self.arn.as_str()), ("Message", message.as_str())];
            let published = self.client.sns("Publish", &parameters).await;
            published.map(drop).map_err(|refusal| Error::at(Error::from(refusal).to_string(), location))
        }
    }

    /// Subscribes a queue, which gets each message as it was published, without an envelope.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub async fn subscribe(&self, queue: &Queue) -> Result<(), Error> {
        queue.allow_topic(&self.arn).await?;
        let parameters = [
            ("TopicArn", self.arn.as_str()),
            ("Protocol", "sqs"),
            ("Endpoint", queue.arn()),
            ("Attributes.entry.1.key", "RawMessageDelivery"),
            ("Attributes.entry.1.value", "true"),
        ];
        self.client.sns("Subscribe", &parameters).await?;
        Ok(())
    }

    /// Makes a queue of the test that gets what is published from now on. The test reads it, and takes no message from the queues of the code
    /// under test.
    ///
    /// # Errors
    ///
    /// When the server refuses it.
    pub async fn observe(&self) -> Result<Queue, Error> {
        let number = self.observers.fetch_add(1, Ordering::Relaxed) + 1;
        let topic: String = self.name().trim_start_matches(&self.namespace.prefix).chars().take(40).collect();
        let name = format!("{}observer-{number}-of-{topic}", self.namespace.prefix);
        let queue = Queue::create(&self.client, &name).await?;
        self.subscribe(&queue).await?;
        Ok(queue)
    }
}
