//! The assertions of a response fail with the request and the response, at the line of the test.

use std::panic::{AssertUnwindSafe, catch_unwind};

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::routing::get;
use axum::{Json, Router};
use itest::prelude::*;
use itest::{Response, Server};
use serde_json::json;

struct Order(Response);

#[fixture]
async fn order(teardown: &Teardown) -> Result<Order> {
    let order = json!({"id": 7, "items": [{"book": 1, "price": 12.5}], "token": "s3cret"});
    let headers = [(SET_COOKIE, "sid=s3cret; Path=/"), (LOCATION, "/orders/7")];
    let app = Router::new().route("/", get(async || (StatusCode::CREATED, headers, Json(order))));
    Ok(Order(Server::start(app, teardown).await?.client().get("/").await?))
}

#[integration_test]
fn assertions_that_hold_can_be_chained(Order(response): &Order) {
    response
        .assert_success()
        .assert_status(201)
        .assert_content_type("application/json")
        .assert_header("location", "/orders/7")
        .assert_json("/items/0/book", 1)
        .assert_json_contains(json!({"id": 7.0, "items": [{"price": 12.5}]}))
        .assert_text_contains("\"book\":1");
    response.assert_body(response.bytes()).assert_text(&response.text());
}

/// The message of an assertion that fails, which must contain the exchange without secrets.
fn message(response: &Response, assert: impl Fn(&Response)) -> String {
    let failed = catch_unwind(AssertUnwindSafe(|| assert(response))).unwrap_err();
    let message = *failed.downcast::<String>().unwrap();
    let (message, exchange) = message.split_once('\n').unwrap();
    assert!(
        exchange.starts_with("> GET http://127.0.0.1:") && exchange.contains("\n< 201 Created after "),
        "{exchange}"
    );
    assert!(!exchange.contains("s3cret") && !message.contains("s3cret"), "{message}\n{exchange}");
    message.to_owned()
}

#[integration_test]
fn failed_assertion_says_what_was_expected(Order(response): &Order) {
    for (actual, expected) in [
        (
            message(response, |it| {
                it.assert_status(200);
            }),
            "expected status 200, got 201",
        ),
        (
            message(response, |it| {
                it.assert_content_type("text/html");
            }),
            "expected the content type \"text/html\", got Some(\"application/json\")",
        ),
        (
            message(response, |it| {
                it.assert_redirect("/login");
            }),
            "expected a redirect to /login, got status 201",
        ),
        (
            message(response, |it| {
                it.assert_json_contains(json!({"items": [{"price": 9}]}));
            }),
            "/items/0/price is 12.5, the test wants 9",
        ),
        (
            message(response, |it| {
                it.assert_json_contains(json!({"token": "0ther"}));
            }),
            "/token is another secret than the one that the test wants",
        ),
        (
            message(response, |it| {
                it.assert_body([b'{', 0]);
            }),
            "expected a body of 2 bytes, got 59 bytes; they differ from byte 1 on",
        ),
        (
            message(response, |it| {
                it.assert_text("7");
            }),
            "expected the text \"7\", got another one",
        ),
        (
            message(response, |it| {
                it.assert_text_contains("paid");
            }),
            "expected a text that contains \"paid\"",
        ),
        (
            message(response, |it| {
                it.assert_json("/deleted_at", serde_json::Value::Null);
            }),
            "expected null at \"/deleted_at\", which does not exist",
        ),
        (
            message(response, |it| {
                it.assert_cookie("csrf");
            }),
            "expected a cookie \"csrf\", got none",
        ),
        (
            message(response, |it| {
                it.assert_cookie("sid").assert_secure();
            }),
            "the cookie \"sid\" is not Secure: sid=***; Path=/",
        ),
    ] {
        assert_eq!(actual, expected);
    }
}

#[integration_test]
async fn body_that_is_no_json_is_named_so(teardown: &Teardown) -> Result<()> {
    let app = Router::new().route("/", get(async || ([(CONTENT_TYPE, "text/html")], "<p>")));
    let response = Server::start(app, teardown).await?.client().get("/").await?;
    let failed = catch_unwind(AssertUnwindSafe(|| response.assert_json_contains(json!({})).status())).unwrap_err();
    let message = failed.downcast::<String>().unwrap();
    assert!(message.starts_with("the body is no JSON: expected value at line 1 column 1\n> GET "), "{message}");
    Ok(())
}
