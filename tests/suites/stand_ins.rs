//! Tests whose stand-ins fail them, and tests whose failure shows the exchanges.

use std::time::Duration;

use itest::prelude::*;
use itest::{Api, BadCertificate, Client, Fault, Reply, StandIn, request};
use serde_json::json;

itest::main!();

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

fn charge(payments: &StandIn<Payments>, amount: u32) -> itest::Request {
    let client = Client::new(payments.url());
    client.post("/charge").bearer("s3cret").json(&json!({"amount": amount, "card": {"token": "s3cret"}}))
}

/// The message shows the stub that is the nearest.
#[integration_test]
async fn unanswered_request(payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    payments.when(request::get("/health")).optional().reply(Reply::status(200));
    payments
        .when(request::post("/charge").bearer("0ther").json("/amount", 2600).json("/card/token", "0ther"))
        .reply(Reply::status(200));
    #[act]
    // The code under test ignores the status.
    for _ in 0..3 {
        charge(payments, 2598).await?;
    }
    #[assert]
    assert_eq!(payments.received().len(), 3);
    Ok(())
}

/// The failure of the body follows the request that may have caused it.
#[integration_test]
async fn unanswered_request_before_a_failure(payments: &StandIn<Payments>) -> Result<()> {
    charge(payments, 1).await?.assert_status(200);
    Ok(())
}

/// Its teardown writes the outcome of the test.
struct Witness;

#[fixture]
fn witness(teardown: &Teardown) -> Witness {
    teardown.defer_with("write the outcome", |outcome| async move { println!("the outcome is {outcome}") });
    Witness
}

#[integration_test]
async fn unanswered_request_with_a_witness(payments: &StandIn<Payments>, _witness: &Witness) -> Result<()> {
    charge(payments, 1).await?;
    Ok(())
}

#[integration_test]
async fn used_up_stub(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).once().reply(Reply::status(503));
    for _ in 0..2 {
        charge(payments, 1).await?;
    }
    Ok(())
}

#[integration_test]
async fn unused_stub(payments: &StandIn<Payments>) {
    #[arrange]
    payments.when(request::post("/refund")).reply(Reply::status(200));
    #[act]
    payments.when(request::get("/charges/{id}")).optional().reply(Reply::status(200));
    #[assert]
    assert!(payments.received().is_empty());
}

#[integration_test]
async fn stub_that_is_used_too_rarely(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).times(2..).reply(Reply::status(200));
    charge(payments, 1).await?.assert_status(200);
    Ok(())
}

/// An unused stub is not reported, because the test failed before its request.
#[integration_test]
async fn unused_stub_of_a_failed_test(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::status(200));
    Err("the body fails".into())
}

#[integration_test]
async fn lenient_stand_in(payments: &StandIn<Payments>) -> Result<()> {
    payments.lenient();
    payments.when(request::get("/never")).reply(Reply::status(200));
    charge(payments, 1).await?.assert_status(501);
    Ok(())
}

/// The failure shows the last ten exchanges, one of which the client did not wait for.
#[integration_test]
async fn exchanges_of_a_failed_test(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).times(10).reply(Reply::json(201, json!({"token": "s3cret"})));
    payments.when(request::get("/late")).reply(Reply::status(200).delay(Duration::from_mins(1)));
    for number in 0..10 {
        charge(payments, number).await?;
    }
    let late = tokio::spawn(Client::new(payments.url()).get("/late").send());
    let is_late = |request: &itest::Received| request.path() == "/late";
    while !payments.received().iter().any(is_late) {
        tokio::task::yield_now().await;
    }
    late.abort();
    charge(payments, 10).await?.assert_status(201);
    Ok(())
}

#[integration_test]
async fn fault_that_is_never_triggered(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::status(200));
    payments.inject(Fault::Timeout).on(request::get("/charges/{id}"));
    charge(payments, 1).await?.assert_status(200);
    Ok(())
}

#[integration_test]
async fn fault_that_is_triggered_less_often_than_it_may_be(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).optional().reply(Reply::status(200));
    payments.inject(Fault::Status(503)).on(request::post("/charge")).first(2);
    charge(payments, 1).await?.assert_status(503);
    Ok(())
}

/// The failure shows the fault.
#[integration_test]
async fn fault_that_is_triggered(payments: &StandIn<Payments>) -> Result<()> {
    payments.inject(Fault::Status(503)).on(request::post("/charge")).first(2);
    charge(payments, 1).await?.assert_status(503);
    charge(payments, 1).await?.assert_status(200);
    Ok(())
}

/// The names and the characters of a query are shown as they were sent, without secrets.
#[integration_test]
async fn query_with_secrets(payments: &StandIn<Payments>) -> Result<()> {
    let query = "token=s3cret%26s3cret&password=s3cret%20s3cret&name=%1b[31m%0atest%20fake%20...%20ok";
    Client::new(payments.url()).get(format!("/x?{query}")).await?;
    payments.when(request::post("/charge").json_body(json!({"tokens": ["0ther"]}))).reply(Reply::status(200));
    Client::new(payments.url()).post("/charge").json(&json!({"tokens": ["s3cret"]})).await?;
    Ok(())
}

#[integration_test]
#[case::tls(&[0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00])]
#[case::broken_chunk(b"POST /charge HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno number\r\n")]
async fn bytes_that_are_no_request(payments: &StandIn<Payments>, #[case] bytes: &[u8]) -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(payments.address()).await?;
    connection.write_all(bytes).await?;
    connection.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// A fixture fails a test whose body passes.
struct Inbox;

#[fixture]
fn inbox(info: &TestInfo, teardown: &Teardown) -> Inbox {
    let info = info.clone();
    teardown.defer("read the inbox", async move { info.fail("2 messages are unread") });
    Inbox
}

#[integration_test]
fn failure_of_a_fixture(_inbox: &Inbox) {
    #[act]
    let sum = 1 + 1;
    #[assert]
    assert_eq!(sum, 2);
}

/// No client begins a handshake.
#[integration_test]
async fn unused_bad_certificate(payments: &StandIn<Payments>) -> Result<()> {
    payments.present_certificate(BadCertificate::Expired)?;
    Ok(())
}
