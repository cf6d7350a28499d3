//! Multipart uploads of a client that is not itest's.

use itest::prelude::*;
use itest::s3::Bucket;
use rusty_s3::actions::CreateMultipartUpload;

use crate::client::SigningClient;

/// Begins an upload, and uploads a part of this text.
pub(crate) async fn begin_upload(client: &SigningClient, key: &str, text: &str) -> Result<(String, String)> {
    let create = client.bucket.create_multipart_upload(Some(&client.credentials), key);
    let created = client.send(&create, "").await?.text().await?;
    let id = CreateMultipartUpload::parse_response(&created)?.upload_id().to_owned();
    let part = client.bucket.upload_part(Some(&client.credentials), key, 1, &id);
    let uploaded = client.send(&part, text.to_owned()).await?;
    let e_tag = uploaded.headers()["etag"].to_str()?.to_owned();
    Ok((id, e_tag))
}

#[integration_test]
async fn completed_upload_is_an_object(bucket: &Bucket) -> Result<()> {
    #[arrange]
    let client = SigningClient::new(bucket)?;
    let (id, e_tag) = begin_upload(&client, "large.bin", "the only part").await?;
    bucket.expect_none("large.bin").await?;

    #[act]
    let complete = client.bucket.complete_multipart_upload(
        Some(&client.credentials),
        "large.bin",
        &id,
        [e_tag.as_str()].into_iter(),
    );
    let body = complete.clone().body();
    let completed = client.send(&complete, body).await?;

    #[assert]
    assert_eq!(completed.status(), 200);
    bucket.get("large.bin").await?.assert_text("the only part");
    Ok(())
}

#[integration_test]
async fn aborted_upload_leaves_nothing(bucket: &Bucket) -> Result<()> {
    let client = SigningClient::new(bucket)?;
    let (id, _) = begin_upload(&client, "large.bin", "x").await?;
    let abort = client.bucket.abort_multipart_upload(Some(&client.credentials), "large.bin", &id);
    assert_eq!(client.send(&abort, "").await?.status(), 204);
    assert!(bucket.keys().await?.is_empty());
    Ok(())
}

#[integration_test]
async fn allowed_unfinished_upload_does_not_fail_the_test(bucket: &Bucket) -> Result<()> {
    bucket.allow_unfinished_uploads();
    begin_upload(&SigningClient::new(bucket)?, "large.bin", "x").await?;
    Ok(())
}
