//! Faults that a stand-in injects, as a client sees them.

use std::time::Duration;

use itest::prelude::*;
use itest::{Client, Fault, Reply, StandIn, request};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Payments;

/// What a client sees: the status, or why there is no response.
async fn seen(client: &Client) -> String {
    match client.post("/charge").await {
        Ok(response) if response.json::<serde_json::Value>().is_err() && !response.bytes().is_empty() => {
            "not JSON".to_owned()
        }
        Ok(response) if response.text() == "{}" => format!("{} {{}}", response.status()),
        Ok(response) => response.status().to_string(),
        Err(error) => error.to_string(),
    }
}

/// The stub answers the request only if the fault lets the service process it.
#[integration_test]
#[case::reset_before(Fault::ResetBefore, "Connection reset", 0)]
#[case::reset_during(Fault::ResetDuring, "onnection", 1)]
#[case::cut_in_the_head(Fault::Cut(10), "onnection", 1)]
#[case::reset_after(Fault::ResetAfter, "200", 1)]
#[case::status(Fault::Status(503), "not JSON", 0)]
#[case::malformed(Fault::Malformed, "not JSON", 1)]
#[case::empty_object(Fault::EmptyObject, "200 {}", 1)]
#[case::latency(Fault::Latency(Duration::from_millis(30)), "200", 1)]
async fn client_sees_the_fault(
    payments: &StandIn<Payments>,
    #[case] fault: Fault,
    #[case] expected: &str,
    #[case] processed: usize,
) -> Result<()> {
    let stub = payments.when(request::post("/charge")).reply(Reply::json(200, json!({"id": "pay_1"})));
    let injection = payments.inject(fault).on(request::post("/charge")).first(1);
    let client = Client::new(payments.url());
    let seen_first = seen(&client).await;
    assert!(seen_first.contains(expected), "{seen_first}");
    assert_eq!((stub.count(), injection.count()), (processed, 1));
    // Another client has no connection that was reset. The first client may notice a reset only with its next request.
    assert_eq!(seen(&Client::new(payments.url())).await, "200");
    assert_eq!(stub.count(), processed + 1);
    Ok(())
}

/// The client ends the wait, and the next request is answered.
#[integration_test]
async fn timeout_never_answers(payments: &StandIn<Payments>) -> Result<()> {
    let stub = payments.when(request::post("/charge")).once().reply(Reply::status(204));
    payments.inject(Fault::Timeout).on_every_request().first(2);
    let client = Client::new(payments.url());
    for number in 1..=2 {
        let mut sending = tokio::spawn(client.post("/charge").send());
        while payments.received().len() < number {
            tokio::task::yield_now().await;
        }
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut sending).await.is_err());
        sending.abort();
    }
    client.post("/charge").await?.assert_status(204);
    assert_eq!((stub.count(), payments.received().len()), (1, 3));
    Ok(())
}

#[integration_test]
async fn rate_limit_says_when_to_try_again(payments: &StandIn<Payments>) -> Result<()> {
    payments.inject(Fault::RateLimited(Duration::from_millis(1500))).on_every_request();
    let response = Client::new(payments.url()).post("/charge").await?;
    response.assert_status(429).assert_header("retry-after", "2");
    Ok(())
}

#[integration_test]
async fn latency_is_added_to_the_delay_of_the_reply(payments: &StandIn<Payments>) -> Result<()> {
    let part = Duration::from_millis(40);
    payments.when(request::post("/charge")).reply(Reply::status(200).delay(part));
    payments.inject(Fault::Latency(part)).on_every_request();
    let response = Client::new(payments.url()).post("/charge").await?;
    assert!(response.elapsed() >= 2 * part, "{response}");
    Ok(())
}

/// The bytes that a client receives until its connection ends, and how it ends.
async fn bytes_until_the_end(payments: &StandIn<Payments>) -> Result<(usize, Option<std::io::ErrorKind>)> {
    let mut connection = TcpStream::connect(payments.address()).await?;
    connection.write_all(b"POST /charge HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await?;
    let mut bytes = Vec::new();
    let end = connection.read_to_end(&mut bytes).await;
    Ok((bytes.len(), end.err().map(|error| error.kind())))
}

#[integration_test]
async fn response_is_cut_after_exactly_so_many_bytes(
    payments: &StandIn<Payments>,
    #[values(0, 1, 17, 150, 5_000)] bytes: usize,
) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::text(200, "x".repeat(10_000)));
    payments.inject(Fault::Cut(bytes as u64)).on_every_request();
    assert_eq!(bytes_until_the_end(payments).await?, (bytes, Some(std::io::ErrorKind::ConnectionReset)));
    Ok(())
}

#[integration_test]
async fn reset_after_the_answer_loses_no_byte_of_a_small_response(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::stream(
        200,
        ["a".repeat(5_000), "b".repeat(5_000)],
        Duration::ZERO,
    ));
    payments.inject(Fault::ResetAfter).on_every_request();
    let (bytes, end) = bytes_until_the_end(payments).await?;
    assert!(bytes > 10_000, "{bytes}");
    assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset));
    Ok(())
}

#[integration_test]
async fn rules_select_the_requests(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::any("/charge")).reply(Reply::status(200));
    payments.inject(Fault::Status(503)).on(request::post("/charge")).after(1).every(2);
    let client = Client::new(payments.url());
    client.get("/charge").await?.assert_status(200);
    for status in [200, 200, 503, 200, 503] {
        client.post("/charge").await?.assert_status(status);
    }
    Ok(())
}

/// Two injections on the same requests: the first one that is triggered decides, and the other one does not count the request.
#[integration_test]
async fn earlier_injection_is_triggered_first(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::status(200));
    payments.inject(Fault::Status(503)).on_every_request().first(1);
    payments.inject(Fault::Status(429)).on_every_request().first(2);
    let client = Client::new(payments.url());
    for status in [503, 429, 429, 200] {
        client.post("/charge").await?.assert_status(status);
    }
    Ok(())
}

#[integration_test]
async fn rules_can_be_combined(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::status(200));
    payments.inject(Fault::Status(503)).on_every_request().every(2).first(1);
    let client = Client::new(payments.url());
    for status in [200, 503, 200, 200] {
        client.post("/charge").await?.assert_status(status);
    }
    Ok(())
}

/// A response to `HEAD` has no body, at whose end the connection could be reset.
#[integration_test]
async fn response_without_a_body_gets_the_fault_too(
    payments: &StandIn<Payments>,
    #[values(Fault::ResetAfter, Fault::Cut(20), Fault::Cut(5_000), Fault::ResetDuring)] fault: Fault,
) -> Result<()> {
    payments.when(request::method("HEAD", "/charge")).reply(Reply::text(200, "x".repeat(3_000)));
    payments.inject(fault).on_every_request();
    let mut connection = TcpStream::connect(payments.address()).await?;
    connection.write_all(b"HEAD /charge HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let ended = connection.read_to_end(&mut Vec::new()).await;
    assert_eq!(ended.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    Ok(())
}

/// The connection is not reset before the response, however late that is.
#[integration_test]
async fn late_response_without_a_body_is_sent_before_the_reset(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::status(204).delay(Duration::from_millis(50)));
    payments.inject(Fault::ResetAfter).on_every_request();
    let (bytes, end) = bytes_until_the_end(payments).await?;
    assert!(bytes > 0);
    assert_eq!(end, Some(std::io::ErrorKind::ConnectionReset));
    Ok(())
}

/// The fault applies to the answer of itest as well.
#[integration_test]
async fn unanswered_request_gets_the_fault(payments: &StandIn<Payments>) -> Result<()> {
    payments.lenient();
    payments.inject(Fault::Cut(20)).on(request::post("/charge"));
    assert_eq!(bytes_until_the_end(payments).await?, (20, Some(std::io::ErrorKind::ConnectionReset)));
    Ok(())
}
