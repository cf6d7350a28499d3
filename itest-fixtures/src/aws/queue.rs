//! A queue of SQS.

use std::panic::Location;
use std::time::{Duration, Instant};

use itest_runtime::Error;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::AwsClient;
use super::resources::name_of_arn;
use crate::failure::with_action;

/// How long a test waits for a message.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between two requests for a message.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A queue of SQS.
#[derive(Debug, Clone)]
pub struct Queue {
    client: AwsClient,
    url: String,
    arn: String,
}

/// How many messages are in a queue. AWS counts approximately; moto counts exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueCounts {
    /// Messages that a consumer would receive now.
    pub waiting: u64,
    /// Messages that a consumer has received, and neither deleted nor returned.
    pub in_flight: u64,
    /// Messages whose delay is not over.
    pub delayed: u64,
}

/// A message that the test has received from a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    body: String,
}

impl QueueMessage {
    /// The body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// When it is no JSON of this type. The error shows the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let location = Location::caller();
        serde_json::from_str(&self.body).map_err(|error| {
            Error::at(format!("the body of the message is not as expected: {error}: {}", self.body), location)
        })
    }
}

impl Queue {
    pub(super) async fn create(client: &AwsClient, name: &str) -> Result<Self, Error> {
        let mut input = json!({ "QueueName": name });
        if name.to_ascii_lowercase().ends_with(".fifo") {
            input["Attributes"] = json!({ "FifoQueue": "true" });
        }
        let answer = client.sqs("CreateQueue", &input).await?;
        Self::at(client, &answer["QueueUrl"]).await
    }

    pub(super) async fn find(client: &AwsClient, name: &str) -> Result<Self, Error> {
        let answer = client.sqs("GetQueueUrl", &json!({ "QueueName": name })).await?;
        Self::at(client, &answer["QueueUrl"]).await
    }

    async fn at(client: &AwsClient, url: &Value) -> Result<Self, Error> {
        let url = url.as_str().ok_or_else(|| with_action("use a queue", "the answer of the server has no URL"))?;
        let attributes = attributes_of(client, url, &["QueueArn"]).await?;
        let arn = attributes["QueueArn"].as_str().unwrap_or_default().to_owned();
        Ok(Self { client: client.clone(), url: url.to_owned(), arn })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        name_of_arn(&self.arn)
    }

    /// The URL, with which clients name the queue.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The ARN, with which other services name the queue.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// When the server refuses it. A FIFO queue refuses it, because a message there needs a group.
    #[track_caller]
    pub fn send(&self, body: impl Into<String>) -> impl Future<Output = Result<(), Error>> + Send {
        let (location, input) = (Location::caller(), json!({ "QueueUrl": self.url, "MessageBody": body.into() }));
        async move { self.client.sqs("SendMessage", &input).await.map(drop).map_err(at(location)) }
    }

    /// How many messages are in the queue. This receives none of them.
    ///
    /// # Errors
    ///
    /// When the queue does not exist any more.
    #[track_caller]
    pub fn counts(&self) -> impl Future<Output = Result<QueueCounts, Error>> + Send {
        let location = Location::caller();
        async move { counts_of(&self.client, &self.url).await.map_err(|error| Error::at(error.to_string(), location)) }
    }

    /// Waits for a message, receives it and deletes it, as a consumer does. Another consumer does not get this message. To see what the code under
    /// test publishes to a topic without taking it from a queue, use the queue of [`Topic::observe`](super::Topic::observe).
    ///
    /// # Errors
    ///
    /// When there is none within 5 seconds.
    #[track_caller]
    pub fn receive(&self) -> impl Future<Output = Result<QueueMessage, Error>> + Send {
        let location = Location::caller();
        async move {
            let began = Instant::now();
            loop {
                if let Some(message) = self.receive_now().await.map_err(at(location))? {
                    return Ok(message);
                }
                if began.elapsed() > TIMEOUT {
                    return Err(Error::at(
                        format!("the queue {} had no message within {TIMEOUT:?}", self.name()),
                        location,
                    ));
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
    }

    async fn receive_now(&self) -> Result<Option<QueueMessage>, super::client::Refusal> {
        let answer = self.client.sqs("ReceiveMessage", &json!({ "QueueUrl": self.url })).await?;
        let message = &answer["Messages"][0];
        let Some(body) = message["Body"].as_str() else { return Ok(None) };
        let input = json!({ "QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"] });
        self.client.sqs("DeleteMessage", &input).await?;
        Ok(Some(QueueMessage { body: body.to_owned() }))
    }

    /// Lets a topic send messages to this queue.
    pub(super) async fn allow_topic(&self, topic: &str) -> Result<(), Error> {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "sqs:SendMessage",
                "Resource": self.arn,
                "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
            }],
        });
        let input = json!({ "QueueUrl": self.url, "Attributes": { "Policy": policy.to_string() } });
        self.client.sqs("SetQueueAttributes", &input).await?;
        Ok(())
    }
}

/// How many messages are in a queue.
///
/// # Errors
///
/// When the server refuses it, or does not answer.
pub(super) async fn counts_of(client: &AwsClient, url: &str) -> Result<QueueCounts, Error> {
    const NAMES: [&str; 3] =
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
    let attributes = attributes_of(client, url, &NAMES).await?;
    let [waiting, in_flight, delayed] =
        NAMES.map(|name| attributes[name].as_str().and_then(|number| number.parse().ok()).unwrap_or_default());
    Ok(QueueCounts { waiting, in_flight, delayed })
}

async fn attributes_of(client: &AwsClient, url: &str, names: &[&str]) -> Result<Value, Error> {
    let input = json!({ "QueueUrl": url, "AttributeNames": names });
    let mut answer = client.sqs("GetQueueAttributes", &input).await?;
    Ok(answer["Attributes"].take())
}

/// Adds the place in the test to an error.
fn at(location: &'static Location<'static>) -> impl Fn(super::client::Refusal) -> Error {
    move |refusal| Error::at(Error::from(refusal).to_string(), location)
}
