//! Clients that do not behave: a stand-in survives them, and leaves nothing behind.

use std::time::Duration;

use itest::prelude::*;
use itest::{Client, Reply, StandIn, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Payments;

/// What the stand-in answers to these bytes, until it closes the connection.
async fn sent(payments: &StandIn<Payments>, bytes: &[u8]) -> Result<String> {
    let mut connection = TcpStream::connect(payments.address()).await?;
    connection.write_all(bytes).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[integration_test]
async fn tls_on_the_plain_port_is_refused(payments: &StandIn<Payments>) -> Result<()> {
    payments.lenient();
    let client_hello = [0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00];
    assert!(sent(payments, &client_hello).await?.starts_with("HTTP/1.1 400 "));
    assert!(payments.received().is_empty());
    Ok(())
}

#[integration_test]
async fn second_request_in_the_body_of_the_first_is_refused(payments: &StandIn<Payments>) -> Result<()> {
    payments.lenient();
    let smuggled = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: identity\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    assert!(sent(payments, smuggled).await?.starts_with("HTTP/1.1 400 "));
    assert!(payments.received().is_empty());
    Ok(())
}

#[integration_test]
async fn half_a_request_is_not_received(payments: &StandIn<Payments>) -> Result<()> {
    let mut connection = TcpStream::connect(payments.address()).await?;
    connection.write_all(b"POST /charge HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf").await?;
    drop(connection);
    payments.when(request::get("/")).reply(Reply::status(200));
    Client::new(payments.url()).get("/").await?.assert_status(200);
    assert_eq!(payments.received().len(), 1);
    Ok(())
}

/// The test ends at once although a client still waits, and the client does not read its response.
#[integration_test(timeout = "4s")]
async fn client_that_never_reads_does_not_delay_the_end(
    payments: &StandIn<Payments>,
    teardown: &Teardown,
) -> Result<()> {
    let large = Reply::bytes(200, "application/octet-stream", vec![7; 100_000_000]);
    let late = Reply::status(200).delay(Duration::from_mins(1));
    for (path, reply) in [("/large", large), ("/late", late)] {
        let stub = payments.when(request::get(path)).reply(reply);
        let mut connection = TcpStream::connect(payments.address()).await?;
        connection.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await?;
        eventually(move || std::future::ready(stub.count() == 1)).await?;
        // The connection stays open until the next step of the teardown.
        teardown.defer("close the client's connection", async move { drop(connection) });
    }
    Ok(())
}

#[integration_test]
async fn large_body_is_received(payments: &StandIn<Payments>) -> Result<()> {
    let stub = payments.when(request::post("/")).reply(Reply::status(204));
    Client::new(payments.url()).post("/").body("text/plain", "x".repeat(20_000_000)).await?.assert_status(204);
    assert_eq!(stub.received()[0].bytes().len(), 20_000_000);
    Ok(())
}

#[integration_test]
async fn many_clients_at_once_get_their_answers(payments: &StandIn<Payments>) -> Result<()> {
    payments
        .when(request::get("/orders/{id}"))
        .times(200)
        .reply(Reply::with(|request| Reply::text(200, request.path())));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let client = Client::new(payments.url());
        tasks.spawn(async move {
            for again in 0..25 {
                let path = format!("/orders/{}", 25 * number + again);
                assert_eq!(client.get(&path).await?.text(), path);
            }
            Ok::<_, itest::Error>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}
