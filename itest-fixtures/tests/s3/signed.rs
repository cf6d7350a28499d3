//! Buckets at a URL, on a server that verifies signatures: the server in process of the test itself.

use itest::prelude::*;
use itest::s3::Bucket;

use crate::nested::{require_nested, run};

/// The URL of the server of a bucket, with a secret key.
fn url(bucket: &Bucket, secret_key: &str) -> String {
    bucket.endpoint().replace("http://", &format!("http://{}:{secret_key}@", bucket.access_key()))
}

#[integration_test]
async fn nested_keys_with_any_characters(
    bucket: &Bucket,
    #[values("a b", "a+b", "ü/日本/🦀", "a&<>\"'%25;=?#", "//a//", "a\u{1}b", "\\..\\x")] key: &str,
) -> Result<()> {
    require_nested();
    bucket.put(key, "x").await?;
    bucket.get(key).await?.assert_text("x").assert_content_type("binary/octet-stream");
    assert_eq!(bucket.keys().await?, [key]);
    Ok(())
}

#[integration_test]
async fn requests_of_itest_are_signed_for_any_key(bucket: &Bucket) -> Result<()> {
    let url = url(bucket, bucket.secret_key());
    let run = run("signed::nested_keys_with_any_characters", &["--jobs", "1"], &[("ITEST_S3_URL", &url)]).await?;
    run.assert_green().assert_contains("7 passed").assert_contains("(from ITEST_S3_URL), a bucket for each test");
    assert!(!run.text.contains(bucket.secret_key()), "{}", run.text);
    Ok(())
}

#[integration_test]
async fn wrong_secret_key_of_the_url_is_reported(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    let url = url(bucket, "another");
    let run = run("signed::nested_keys_with_any_characters", &["--jobs", "1"], &[("ITEST_S3_URL", &url)]).await?;
    run.assert_red().assert_contains("cannot list the buckets").assert_contains("403 Forbidden SignatureDoesNotMatch");
    Ok(())
}

#[integration_test]
async fn nested_bucket_that_the_test_deletes(bucket: &Bucket) -> Result<()> {
    require_nested();
    let client = crate::client::SigningClient::new(bucket)?;
    client.send(&client.bucket.delete_bucket(&client.credentials), "").await?;
    Ok(())
}

#[integration_test]
async fn bucket_that_its_test_has_deleted_is_no_error(bucket: &Bucket) -> Result<()> {
    let url = url(bucket, bucket.secret_key());
    let run = run("signed::nested_bucket_that_the_test_deletes", &[], &[("ITEST_S3_URL", &url)]).await?;
    run.assert_green();
    Ok(())
}
