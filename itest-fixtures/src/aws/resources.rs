//! The queues, topics, subscriptions and buckets of a test.

use itest_runtime::Error;
use serde_json::{Value, json};

use super::client::{AwsClient, S3Request};
use super::namespace::Namespace;
use crate::xml::texts_of;

/// How many queues a page of their list has.
const PAGE: u32 = 1000;

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) arn: String,
    /// Where its messages go, such as the ARN of a queue.
    endpoint: String,
    topic: String,
}

/// The URLs of the queues of a test.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn queues(client: &AwsClient, namespace: &Namespace) -> Result<Vec<String>, Error> {
    let (mut queues, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({ "MaxResults": PAGE });
        if namespace.account.is_none() {
            input["QueueNamePrefix"] = namespace.prefix.clone().into();
        }
        if token.is_string() {
            input["NextToken"] = token;
        }
        let page = client.sqs("ListQueues", &input).await?;
        let urls = page["QueueUrls"].as_array().into_iter().flatten().filter_map(Value::as_str);
        queues.extend(urls.filter(|url| namespace.contains(name_of_url(url))).map(str::to_owned));
        token = page["NextToken"].clone();
        if !token.is_string() {
            return Ok(queues);
        }
    }
}

/// The ARNs of the topics of a test.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn topics(client: &AwsClient, namespace: &Namespace) -> Result<Vec<String>, Error> {
    let pages = pages_of_sns(client, "ListTopics").await?;
    let topics = pages.iter().flat_map(|page| texts_of(page, "TopicArn"));
    Ok(topics.filter(|arn| namespace.contains(name_of_arn(arn))).collect())
}

/// The subscriptions to the topics of a test, and those of its queues to other topics.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn subscriptions(client: &AwsClient, namespace: &Namespace) -> Result<Vec<Subscription>, Error> {
    let mut subscriptions = Vec::new();
    for page in pages_of_sns(client, "ListSubscriptions").await? {
        let texts = |name: &str| texts_of(&page, name).into_iter();
        for ((arn, endpoint), topic) in texts("SubscriptionArn").zip(texts("Endpoint")).zip(texts("TopicArn")) {
            subscriptions.push(Subscription { arn, endpoint, topic });
        }
    }
    let of_test = |text: &str| namespace.contains(name_of_arn(text));
    subscriptions.retain(|subscription| of_test(&subscription.topic) || of_test(&subscription.endpoint));
    Ok(subscriptions)
}

/// The names of the buckets of a test.
///
/// # Errors
///
/// When the server does not answer.
pub(super) async fn buckets(client: &AwsClient, namespace: &Namespace) -> Result<Vec<String>, Error> {
    let xml = client.s3(S3Request { path: "/", ..S3Request::default() }, "ListBuckets").await?;
    Ok(texts_of(&xml, "Name").into_iter().filter(|name| namespace.contains(name)).collect())
}

/// All pages of a list of SNS.
async fn pages_of_sns(client: &AwsClient, operation: &str) -> Result<Vec<String>, Error> {
    let (mut pages, mut token) = (Vec::new(), None::<String>);
    loop {
        let parameters: Vec<(&str, &str)> = token.iter().map(|token| ("NextToken", token.as_str())).collect();
        let page = client.sns(operation, &parameters).await?;
        token = texts_of(&page, "NextToken").pop().filter(|token| !token.is_empty());
        pages.push(page);
        if token.is_none() {
            return Ok(pages);
        }
    }
}

/// The name of a queue, which is the end of its URL.
pub(super) fn name_of_url(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// The name of a queue or a topic, which is the end of its ARN.
pub(super) fn name_of_arn(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}
