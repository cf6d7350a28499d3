//! Removes the queues, topics, subscriptions and buckets of a test, even if the process of the test was killed.

use itest_runtime::__private::variable;
use itest_runtime::Error;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::{AwsClient, Refusal, S3Request};
use super::location::endpoint_of;
use super::namespace::Namespace;
use super::resources::{buckets, queues, subscriptions, topics};
use super::service::URL_VARIABLE;
use crate::failure::with_action;
use crate::itest::teardown;
use crate::service::Address;
use crate::xml::texts_of;

/// The ledger's entry for what a test has on a server at a URL. The credentials stay in the variable.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LeftResources {
    /// The URL of the server.
    pub(super) server: String,
    pub(super) namespace: Namespace,
}

/// Removes what a test has on a server at a URL.
#[teardown(crate = crate::itest)]
pub(super) async fn remove_aws_resources(left: LeftResources) -> Result<(), Error> {
    let LeftResources { server, namespace } = left;
    let endpoint =
        variable(URL_VARIABLE).map(|_| endpoint_of(&Address::Variable(URL_VARIABLE.to_owned()))).transpose()?;
    let endpoint = endpoint.filter(|endpoint| endpoint.url == server).ok_or_else(|| {
        let prefix = &namespace.prefix;
        Error::new(format!(
            "the queues, topics and buckets whose names begin with {prefix} are at {server}; set {URL_VARIABLE} to this server, and run with --sweep"
        ))
    })?;
    let client = namespace.client_of_test(&AwsClient::new(endpoint)).await?;
    remove(&client, &namespace).await
}

/// Removes the queues, topics, subscriptions and buckets of a test.
///
/// # Errors
///
/// When the server refuses it, or does not answer.
pub(super) async fn remove(client: &AwsClient, namespace: &Namespace) -> Result<(), Error> {
    let topics = topics(client, namespace).await?;
    let queues = queues(client, namespace).await?;
    if !topics.is_empty() || !queues.is_empty() {
        for subscription in subscriptions(client, namespace).await? {
            // A subscription that its receiver has not confirmed has no ARN, and ends with its topic.
            if subscription.arn.starts_with("arn:") {
                ignoring(&["NotFound"], client.sns("Unsubscribe", &[("SubscriptionArn", &subscription.arn)]).await)?;
            }
        }
    }
    for topic in topics {
        ignoring(&["NotFound"], client.sns("DeleteTopic", &[("TopicArn", &topic)]).await)?;
    }
    for queue in queues {
        let deleted = client.sqs("DeleteQueue", &json!({ "QueueUrl": queue })).await;
        ignoring(&["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"], deleted)?;
    }
    for bucket in buckets(client, namespace).await? {
        remove_bucket(client, &bucket).await?;
    }
    Ok(())
}

/// The code under test may delete the same resource meanwhile.
fn ignoring<T>(codes: &[&str], result: Result<T, Refusal>) -> Result<(), Error> {
    match result {
        Err(refusal) if !codes.contains(&refusal.code.as_str()) => Err(refusal.into()),
        _ => Ok(()),
    }
}

/// Deletes a bucket with its unfinished uploads, its objects, and all of their versions.
async fn remove_bucket(client: &AwsClient, bucket: &str) -> Result<(), Error> {
    let path = format!("/{bucket}");
    let list = async |query: &[(&str, &str)], operation: &str| {
        client.s3(S3Request { path: &path, query, ..S3Request::default() }, operation).await
    };
    let uploads = list(&[("uploads", ""), ("encoding-type", "url")], "ListMultipartUploads").await?;
    for (key, id) in keys_with(&uploads, "UploadId") {
        delete_object(client, &path, &key, ("uploadId", &id)).await?;
    }
    let mut before = Vec::new();
    loop {
        let versions = list(&[("versions", ""), ("encoding-type", "url")], "ListObjectVersions").await?;
        let versions = keys_with(&versions, "VersionId");
        if versions.is_empty() {
            break;
        }
        if versions == before {
            return Err(with_action(
                &format!("empty the bucket {bucket}"),
                "the server has deleted none of its objects",
            ));
        }
        for (key, version) in &versions {
            delete_object(client, &path, key, ("versionId", version)).await?;
        }
        before = versions;
    }
    let request = S3Request { method: Method::DELETE, path: &path, query: &[] };
    ignoring(&["NoSuchBucket"], client.s3(request, "DeleteBucket").await)
}

async fn delete_object(client: &AwsClient, bucket: &str, key: &str, which: (&str, &str)) -> Result<(), Error> {
    let path = format!("{bucket}/{key}");
    let request = S3Request { method: Method::DELETE, path: &path, query: &[which] };
    ignoring(&["NoSuchKey", "NoSuchUpload"], client.s3(request, "DeleteObject").await)
}

/// The keys of a list, each with another text of its element.
fn keys_with(xml: &str, name: &str) -> Vec<(String, String)> {
    // Some servers ignore that a client requests encoded keys.
    let is_encoded = texts_of(xml, "EncodingType") == ["url"];
    // Some servers encode a space as `+`, and every server encodes a `+`.
    let decode = |key: String| {
        if !is_encoded {
            return key;
        }
        percent_encoding::percent_decode_str(&key.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    texts_of(xml, "Key").into_iter().map(decode).zip(texts_of(xml, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_only_if_the_server_has_encoded_them() {
        let version = "<Version><Key>a+%2B&amp;</Key><VersionId>1</VersionId></Version>";
        let key = |xml: &str| keys_with(xml, "VersionId").remove(0).0;
        assert_eq!(key(&format!("<L>{version}</L>")), "a+%2B&");
        assert_eq!(key(&format!("<L><EncodingType>url</EncodingType>{version}</L>")), "a +&");
    }
}
