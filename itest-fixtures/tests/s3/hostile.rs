//! Clients that do not comply: the server refuses them with a clear answer, survives them, and leaves nothing behind.

use itest::prelude::*;
use itest::s3::Bucket;
use rusty_s3::{Credentials, S3Action};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::SigningClient;

/// Sends the beginning of a request, and reads what the server answers until it closes the connection or pauses.
async fn answer_to(bucket: &Bucket, head: &str, body: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(bucket.endpoint().trim_start_matches("http://")).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The target of a signed request to store an object.
fn signed_target(bucket: &Bucket, key: &str) -> Result<String> {
    let client = SigningClient::new(bucket)?;
    let url = client.bucket.put_object(Some(&client.credentials), key).sign(Duration::from_mins(1));
    Ok(format!("{}?{}", url.path(), url.query().unwrap_or_default()))
}

fn host(bucket: &Bucket) -> &str {
    bucket.endpoint().trim_start_matches("http://")
}

#[integration_test]
async fn wrong_signature_is_refused_with_403(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    let mut client = SigningClient::new(bucket)?;
    client.credentials = Credentials::new(bucket.access_key(), "another secret key");
    let refused = client.put("a", "x").await?;
    assert_eq!(refused.status(), 403);
    let answer = refused.text().await?;
    assert!(answer.contains("<Code>SignatureDoesNotMatch</Code>"), "{answer}");
    assert!(bucket.keys().await?.is_empty());
    Ok(())
}

#[integration_test]
async fn unsigned_request_is_refused_and_does_not_fail_the_test(bucket: &Bucket) -> Result<()> {
    bucket.put("private", "x").await?;
    let refused = reqwest::get(format!("{}/private", bucket.url())).await?;
    assert_eq!(refused.status(), 403);
    Ok(())
}

#[integration_test]
async fn declared_length_of_5_gb_is_refused_before_the_body(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    let (target, host) = (signed_target(bucket, "huge")?, host(bucket));
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5368709120\r\n\r\n");
    let answer = answer_to(bucket, &head, b"the beginning").await?;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("<Code>EntityTooLarge</Code>"), "{answer}");
    assert!(answer.contains("a body of 5368709120 bytes, and the limit of this server is 268435456"), "{answer}");
    let declared = "Transfer-Encoding: chunked\r\nX-Amz-Decoded-Content-Length: 5368709120";
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\n{declared}\r\n\r\n");
    let answer = answer_to(bucket, &head, b"5\r\nhello\r\n").await?;
    assert!(answer.contains("<Code>EntityTooLarge</Code>"), "{answer}");
    assert!(bucket.keys().await?.is_empty());
    Ok(())
}

#[integration_test]
async fn upload_that_is_cut_off_stores_nothing(bucket: &Bucket) -> Result<()> {
    bucket.lenient();
    bucket.put("kept", "before").await?;
    let (target, host) = (signed_target(bucket, "kept")?, host(bucket));
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n");
    answer_to(bucket, &head, b"the beginning").await?;
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
    answer_to(bucket, &head, b"5\r\nhello\r\n").await?;
    bucket.get("kept").await?.assert_text("before");
    Ok(())
}

#[integration_test]
async fn bytes_that_are_no_request_do_not_disturb_the_server(bucket: &Bucket) -> Result<()> {
    answer_to(bucket, "\0\x16\x03nonsense\r\n\r\n", &[0xff; 100]).await?;
    SigningClient::new(bucket)?.put("a", "x").await?;
    assert_eq!(bucket.keys().await?, ["a"]);
    Ok(())
}

#[integration_test]
async fn keys_with_any_characters_are_stored_read_and_listed(
    bucket: &Bucket,
    #[values("a b", "a+b", "ü/日本/🦀", "a&<>\"'%25;=?#", "//a//", "a\u{1}\tb", "\\..\\x", "a:b@c$d,e!f*(g)")]
    key: &str,
) -> Result<()> {
    let client = SigningClient::new(bucket)?;
    assert_eq!(client.put(key, "x").await?.status(), 200);
    assert_eq!(client.get(key).await?.text().await?, "x");
    assert_eq!(bucket.keys().await?, [key]);
    Ok(())
}

/// The test ends at once although clients wait in every state of a request.
#[integration_test(timeout = "4s")]
async fn clients_that_never_finish_do_not_delay_the_end(bucket: &Bucket, teardown: &Teardown) -> Result<()> {
    let (target, host) = (signed_target(bucket, "a")?, host(bucket));
    let mut clients = Vec::new();
    for part in
        ["", "PUT /a HTTP/1.1\r\n", &format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9\r\n\r\nhalf")]
    {
        let mut client = TcpStream::connect(host).await?;
        client.write_all(part.as_bytes()).await?;
        clients.push(client);
    }
    // The connections stay open until the next step of the teardown.
    teardown.defer("close the clients", async move { drop(clients) });
    Ok(())
}

/// A server that closed the connection without a notice would make the next request of the client fail.
#[integration_test]
async fn connection_is_used_again_after_a_refused_upload(bucket: &Bucket) -> Result<()> {
    let client = SigningClient::new(bucket)?;
    for _ in 0..20 {
        let refused = client.put_into("itest-none", "a", vec![b'x'; 100_000]).await?;
        assert_eq!(refused.status(), 404);
        assert_eq!(client.put("a", "x").await?.status(), 200);
    }
    Ok(())
}
