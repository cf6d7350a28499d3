//! The multipart uploads to a bucket that are neither completed nor aborted.

use itest_runtime::Error;

use super::client::{RemoteBucket, RemoteRequest, decoded};
use crate::s3::answer::refusal_of;
use crate::s3::recorder::UnfinishedUpload;
use crate::xml::texts_of;

/// Lists the first unfinished uploads to a bucket, at most 1000.
///
/// # Errors
///
/// When the server refuses it.
pub(in crate::s3) async fn unfinished_uploads(bucket: &RemoteBucket) -> Result<Vec<UnfinishedUpload>, Error> {
    let action = "list the multipart uploads to the bucket";
    let query = [("uploads", ""), ("encoding-type", "url")];
    let answer = bucket.send(RemoteRequest { query: &query, ..RemoteRequest::default() }, action).await?;
    // The test may have deleted its bucket.
    if refusal_of(&answer.0.body).code == "NoSuchBucket" {
        return Ok(Vec::new());
    }
    let xml = answer.text().map_err(|error| bucket.failed(action, &error))?;
    let uploads = texts_of(&xml, "Key").into_iter().zip(texts_of(&xml, "UploadId"));
    let unfinished =
        uploads.map(|(key, id)| UnfinishedUpload { bucket: bucket.name().to_owned(), key: decoded(&key), id });
    Ok(unfinished.collect())
}
