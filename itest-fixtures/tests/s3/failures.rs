//! What fails a test although its body passes, and how the failure is reported.

use itest::prelude::*;
use itest::s3::Bucket;
use rusty_s3::Credentials;

use crate::client::SigningClient;
use crate::nested::{Run, require_nested, run};
use crate::uploads::begin_upload;

async fn run_red(test: &str) -> Result<Run> {
    let run = run(&format!("failures::{test}"), &["--exact"], &[]).await?;
    run.assert_red();
    Ok(run)
}

#[integration_test]
async fn nested_unfinished_upload(bucket: &Bucket) -> Result<()> {
    require_nested();
    begin_upload(&SigningClient::new(bucket)?, "large.bin", "x").await?;
    Ok(())
}

#[integration_test]
async fn unfinished_upload_fails_the_test_with_its_key_and_id() -> Result<()> {
    let run = run_red("nested_unfinished_upload").await?;
    run.assert_contains("the multipart upload ").assert_contains(" of large.bin to the bucket itest-");
    run.assert_contains("was neither completed nor aborted");
    Ok(())
}

#[integration_test]
async fn nested_wrong_signature(bucket: &Bucket) -> Result<()> {
    require_nested();
    let mut client = SigningClient::new(bucket)?;
    client.credentials = Credentials::new(bucket.access_key(), "another secret key");
    assert_eq!(client.put("a", "x").await?.status(), 403);
    client.credentials = Credentials::new("another access key", bucket.secret_key());
    assert_eq!(client.put("a", "x").await?.status(), 403);
    Ok(())
}

#[integration_test]
async fn wrong_signature_fails_the_test_with_an_explanation() -> Result<()> {
    let run = run_red("nested_wrong_signature").await?;
    run.assert_contains("S3 refused PUT /itest-");
    run.assert_contains("SignatureDoesNotMatch: ").assert_contains("must sign with the secret key of this test");
    run.assert_contains("InvalidAccessKeyId: ").assert_contains("every test has an access key of its own");
    assert!(!run.text.contains("X-Amz-Signature"), "{}", run.text);
    Ok(())
}

#[integration_test]
async fn nested_operation_that_is_not_implemented(bucket: &Bucket) -> Result<()> {
    require_nested();
    let client = SigningClient::new(bucket)?;
    let action = client.bucket.get_bucket_policy(Some(&client.credentials));
    assert_eq!(client.send(&action, "").await?.status(), 501);
    Ok(())
}

#[integration_test]
async fn operation_that_is_not_implemented_fails_the_test() -> Result<()> {
    let run = run_red("nested_operation_that_is_not_implemented").await?;
    run.assert_contains("NotImplemented: ").assert_contains("is an imitation of S3 without this operation or option");
    run.assert_contains("used: S3 in process (an imitation of S3), a server for each bucket");
    Ok(())
}

#[integration_test]
async fn nested_missing_object(bucket: &Bucket) -> Result<()> {
    require_nested();
    bucket.put("receipts/8.json", "{}").await?;
    bucket.expect("receipts/7.json").within(std::time::Duration::from_millis(20)).await?;
    Ok(())
}

#[integration_test]
async fn missing_object_fails_with_the_keys_that_exist() -> Result<()> {
    let run = run_red("nested_missing_object").await?;
    run.assert_contains("no object receipts/7.json was stored within 20ms; the bucket contains:");
    run.assert_contains("receipts/8.json").assert_contains("tests/s3/failures.rs:");
    Ok(())
}

#[integration_test]
async fn nested_exchange_with_secrets(bucket: &Bucket) -> Result<()> {
    require_nested();
    SigningClient::new(bucket)?.put("login.json", r#"{"user": "ada", "password": "hunter2"}"#).await?;
    bucket.get("login.json").await?.assert_json("/user", "bob");
    Ok(())
}

#[integration_test]
async fn exchanges_of_a_failed_test_are_shown_without_secrets() -> Result<()> {
    let run = run_red("nested_exchange_with_secrets").await?;
    run.assert_contains("S3 PUT /itest-").assert_contains("/login.json 200 after");
    run.assert_contains("object login.json: 38 bytes, binary/octet-stream").assert_contains("\"password\": \"***\"");
    for secret in ["hunter2", "X-Amz-", "Credential="] {
        assert!(!run.text.contains(secret), "{secret} in {}", run.text);
    }
    Ok(())
}
