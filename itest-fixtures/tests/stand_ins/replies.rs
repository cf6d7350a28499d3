//! The replies of stubs.

use std::time::Duration;

use itest::prelude::*;
use itest::{Client, Reply, StandIn, request};
use serde_json::json;

use crate::Payments;

#[integration_test]
async fn reply_has_status_headers_and_body(payments: &StandIn<Payments>) -> Result<()> {
    let reply = Reply::json(201, json!({"id": "pay_1"})).header("set-cookie", "a=1").header("set-cookie", "b=2");
    payments.when(request::post("/charge")).reply(reply);
    let response = Client::new(payments.url()).post("/charge").await?;
    response.assert_status(201).assert_header("content-type", "application/json").assert_json("/id", "pay_1");
    response.assert_header("content-length", "14");
    Ok(())
}

#[integration_test]
async fn content_type_can_be_replaced(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::get("/")).reply(Reply::json(200, 1).header("content-type", "application/vnd.x+json"));
    let response = Client::new(payments.url()).get("/").await?;
    response.assert_header("content-type", "application/vnd.x+json");
    Ok(())
}

#[integration_test]
async fn file_is_read_from_the_package(payments: &StandIn<Payments>, dir: &TempDir) -> Result<()> {
    std::fs::write(dir.join("reply.bin"), [0, 159, 146, 150])?;
    payments.when(request::get("/file")).reply(Reply::file(200, dir.join("reply.bin"))?);
    assert_eq!(Client::new(payments.url()).get("/file").await?.bytes(), [0, 159, 146, 150]);
    let missing = Reply::file(200, "no/such/file").unwrap_err().to_string();
    assert!(missing.contains("no/such/file: No such file"), "{missing}");
    Ok(())
}

#[integration_test]
async fn delayed_reply_is_late(payments: &StandIn<Payments>) -> Result<()> {
    let delay = Duration::from_millis(80);
    payments.when(request::get("/")).reply(Reply::status(200).delay(delay));
    let response = Client::new(payments.url()).get("/").await?;
    assert!(response.elapsed() >= delay, "{response}");
    Ok(())
}

#[integration_test]
async fn stream_is_sent_in_chunks(payments: &StandIn<Payments>) -> Result<()> {
    let interval = Duration::from_millis(40);
    payments.when(request::get("/events")).reply(Reply::stream(
        200,
        ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"],
        interval,
    ));
    let response = Client::new(payments.url()).get("/events").await?;
    assert_eq!(response.text(), "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    response.assert_header("transfer-encoding", "chunked");
    assert!(response.elapsed() >= interval * 2, "{response}");
    Ok(())
}

#[integration_test]
async fn sequence_repeats_its_last_reply(payments: &StandIn<Payments>) -> Result<()> {
    let replies = [Reply::status(503), Reply::status(503), Reply::json(200, "paid")];
    payments.when(request::get("/")).reply(Reply::sequence(replies).header("x-from", "sequence"));
    let client = Client::new(payments.url());
    for status in [503, 503, 200, 200] {
        client.get("/").await?.assert_status(status).assert_header("x-from", "sequence");
    }
    Ok(())
}

#[integration_test]
async fn computed_reply_depends_on_the_request(payments: &StandIn<Payments>) -> Result<()> {
    let echo =
        Reply::with(|request| Reply::json(200, json!({"order": request.parameter("id"), "body": request.text()})));
    payments.when(request::post("/orders/{id}")).reply(echo);
    let response = Client::new(payments.url()).post("/orders/a%20b").body("text/plain", "hello").await?;
    response.assert_json("/order", "a b").assert_json("/body", "hello");
    Ok(())
}

#[integration_test]
fn invalid_reply_is_refused_where_it_is_written() {
    let refused = |make: fn() -> Reply| {
        let panic = std::panic::catch_unwind(move || drop(make())).unwrap_err();
        panic
            .downcast_ref::<String>()
            .cloned()
            .or(panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_default()
    };
    assert_eq!(refused(|| Reply::status(42)), "42 is no status of a response");
    assert_eq!(refused(|| Reply::status(200).header("a b", "c")), "\"a b\" is no name of a header");
    assert_eq!(refused(|| Reply::status(200).header("a", "b\nc")), "the value of the header \"a\" is not valid");
    let length = "\"content-length\" follows from the body, and cannot be set";
    assert_eq!(refused(|| Reply::text(200, "").header("content-length", "7")), length);
    assert_eq!(refused(|| Reply::status(101)), "101 is no status of a response");
    assert_eq!(refused(|| Reply::sequence([])), "a sequence needs at least one reply");
}
