//! Deletes the bucket of a test with everything in it, even if the process of the test was killed.

use base64ct::{Base64, Encoding as _};
use itest_runtime::Error;
use quick_xml::escape::escape;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::address::{VARIABLE, server_of_variable};
use super::client::{RemoteBucket, RemoteRequest, decoded};
use super::unfinished::unfinished_uploads;
use crate::itest::teardown;
use crate::s3::answer::refusal_of;
use crate::s3::body::md5_of;
use crate::s3::recorder::UnfinishedUpload;
use crate::xml::texts_of;

/// How often a bucket is emptied, because code that outlives its test may still write into it.
const MAX_ATTEMPTS: u32 = 3;

/// The ledger's entry for a bucket. The credentials stay in the variable.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::s3) struct LeftBucket {
    pub(in crate::s3) endpoint: String,
    pub(in crate::s3) name: String,
}

/// An object, or a version of it.
struct Stored {
    key: String,
    version: Option<String>,
}

/// Deletes the bucket of a test.
#[teardown(crate = crate::itest)]
pub(in crate::s3) async fn delete_s3_bucket(left: LeftBucket) -> Result<(), Error> {
    let LeftBucket { endpoint, name } = left;
    let server = server_of_variable()?;
    let server = server.filter(|server| server.endpoint.url == endpoint).ok_or_else(|| {
        Error::new(format!("the bucket {name} is at {endpoint}; set {VARIABLE} to this server, and run with --sweep"))
    })?;
    let bucket = RemoteBucket::new(server.endpoint, name);
    for _ in 1..MAX_ATTEMPTS {
        if empty_and_delete(&bucket).await.is_ok() {
            return Ok(());
        }
    }
    empty_and_delete(&bucket).await
}

async fn empty_and_delete(bucket: &RemoteBucket) -> Result<(), Error> {
    let deleted = delete_bucket(bucket).await?;
    if deleted == Deletion::NotEmpty {
        abort_uploads(bucket).await?;
        delete_objects(bucket).await?;
        if delete_bucket(bucket).await? == Deletion::NotEmpty {
            // The test has enabled versions, and every deleted object has become one.
            delete_versions(bucket).await?;
            if delete_bucket(bucket).await? == Deletion::NotEmpty {
                return Err(bucket.failed(
                    "delete the bucket",
                    &Error::new("it is not empty, although everything in it was deleted"),
                ));
            }
        }
    }
    Ok(())
}

/// Whether a bucket was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    Done,
    NotEmpty,
}

/// Deletes a bucket. A test may have deleted it already.
async fn delete_bucket(bucket: &RemoteBucket) -> Result<Deletion, Error> {
    let request = RemoteRequest { method: Method::DELETE, ..RemoteRequest::default() };
    let answer = bucket.send(request, "delete the bucket").await?;
    match (answer.0.status, refusal_of(&answer.0.body).code.as_str()) {
        (_, "NoSuchBucket") => Ok(Deletion::Done),
        (StatusCode::CONFLICT, _) => Ok(Deletion::NotEmpty),
        _ => answer.text().map(|_| Deletion::Done).map_err(|error| bucket.failed("delete the bucket", &error)),
    }
}

async fn abort_uploads(bucket: &RemoteBucket) -> Result<(), Error> {
    for UnfinishedUpload { key, id, .. } in unfinished_uploads(bucket).await? {
        let query = [("uploadId", id.as_str())];
        let request =
            RemoteRequest { method: Method::DELETE, key: Some(&key), query: &query, ..RemoteRequest::default() };
        // The upload may have been completed meanwhile.
        bucket.send(request, "abort a multipart upload to the bucket").await?;
    }
    Ok(())
}

async fn delete_objects(bucket: &RemoteBucket) -> Result<(), Error> {
    loop {
        let page = bucket.page(None).await?;
        if page.keys.is_empty() {
            return Ok(());
        }
        delete_all(bucket, page.keys.into_iter().map(|key| Stored { key, version: None }).collect()).await?;
    }
}

async fn delete_versions(bucket: &RemoteBucket) -> Result<(), Error> {
    loop {
        let query = [("versions", ""), ("encoding-type", "url")];
        let xml = bucket.list("list the versions in the bucket", &query).await?;
        let versions = texts_of(&xml, "Key").into_iter().zip(texts_of(&xml, "VersionId"));
        let versions: Vec<Stored> =
            versions.map(|(key, version)| Stored { key: decoded(&key), version: Some(version) }).collect();
        if versions.is_empty() {
            return Ok(());
        }
        delete_all(bucket, versions).await?;
    }
}

async fn delete_all(bucket: &RemoteBucket, stored: Vec<Stored>) -> Result<(), Error> {
    // XML has no form for control characters, so such keys are deleted one by one.
    let (single, many): (Vec<_>, Vec<_>) = stored.into_iter().partition(|stored| stored.key.contains(char::is_control));
    for Stored { key, version } in single {
        let query: Vec<(&str, &str)> = version.iter().map(|version| ("versionId", version.as_str())).collect();
        let request =
            RemoteRequest { method: Method::DELETE, key: Some(&key), query: &query, ..RemoteRequest::default() };
        bucket.send(request, "delete an object of the bucket").await?.text()?;
    }
    if many.is_empty() {
        return Ok(());
    }
    let action = "delete the objects of the bucket";
    let objects: String = many.iter().map(element_of).collect();
    let body =
        format!("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>{objects}</Delete>")
            .into_bytes();
    let headers = vec![("content-md5".to_owned(), Base64::encode_string(&md5_of(&body)))];
    let query = [("delete", "")];
    let request = RemoteRequest { method: Method::POST, key: None, query: &query, headers, body };
    let answer = bucket.send(request, action).await?;
    let xml = answer.text().map_err(|error| bucket.failed(action, &error))?;
    match texts_of(&xml, "Message").pop() {
        None => Ok(()),
        Some(message) => Err(bucket.failed(action, &Error::new(message))),
    }
}

fn element_of(Stored { key, version }: &Stored) -> String {
    let version =
        version.as_ref().map_or_else(String::new, |version| format!("<VersionId>{}</VersionId>", escape(version)));
    format!("<Object><Key>{}</Key>{version}</Object>", escape(key))
}
