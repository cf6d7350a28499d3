//! Objects of a client that is not itest's.

use itest::prelude::*;
use itest::s3::Bucket;

use rusty_s3::UrlStyle;

use crate::client::SigningClient;

#[integration_test]
async fn object_of_a_client_is_read_by_the_test_and_by_the_client(bucket: &Bucket) -> Result<()> {
    #[arrange]
    let client = SigningClient::new(bucket)?;

    #[act]
    let stored = client.put("receipts/7.json", r#"{"order": 7}"#).await?;

    #[assert]
    assert_eq!(stored.status(), 200);
    bucket.expect("receipts/7.json").await?.assert_json("/order", 7);
    let read = client.get("receipts/7.json").await?;
    assert_eq!((read.status().as_u16(), read.text().await?.as_str()), (200, r#"{"order": 7}"#));
    assert_eq!(bucket.keys().await?, ["receipts/7.json"]);
    bucket.expect_none("receipts/8.json").await?;
    Ok(())
}

#[integration_test]
async fn virtual_host_style_is_accepted_below_localhost(bucket: &Bucket) -> Result<()> {
    let endpoint = bucket.endpoint().replace("127.0.0.1", "localhost");
    let client = SigningClient::with_style(bucket, &endpoint, UrlStyle::VirtualHost)?;
    assert_eq!(client.put("a b/ü", "x").await?.status(), 200);
    assert_eq!(client.get("a b/ü").await?.text().await?, "x");
    assert_eq!(bucket.keys().await?, ["a b/ü"]);
    Ok(())
}

#[integration_test]
fn program_gets_the_server_and_the_credentials_by_its_environment(bucket: &Bucket) {
    let variables: Vec<&str> = bucket.env().iter().map(|(name, _)| *name).collect();
    let expected =
        ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"];
    assert_eq!(variables, expected);
    assert_eq!(bucket.url(), format!("{}/{}", bucket.endpoint(), bucket.name()));
    assert!(!format!("{bucket:?}").contains(bucket.secret_key()));
}

#[integration_test]
async fn buckets_of_a_test_are_on_servers_of_their_own(one: Bucket, other: Bucket) -> Result<()> {
    one.put("a", "x").await?;
    other.expect_none("a").await?;
    assert_ne!(one.endpoint(), other.endpoint());
    assert_ne!(one.access_key(), other.access_key());
    Ok(())
}

#[integration_test]
async fn object_that_is_stored_later_is_waited_for(bucket: &Bucket) -> Result<()> {
    let client = SigningClient::new(bucket)?;
    let storing = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        client.put("late", "x").await
    };
    let (object, stored) = tokio::join!(async { bucket.expect("late").await }, storing);
    stored?;
    object?.assert_text("x");
    Ok(())
}
