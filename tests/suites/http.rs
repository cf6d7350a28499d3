//! Tests whose failure shows the exchanges of the client and of the in-process server.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use axum::{Json, Router};
use itest::prelude::*;
use itest::{Api, Client, Fault, Multipart, Server, StandIn, request};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

itest::main!();

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

fn app() -> Router {
    let tokens = || Json(json!({"id": 7, "token": "s3cret"}));
    let events = || Sse::new(futures_util::stream::iter([Ok::<_, std::io::Error>(Event::default().data("paid"))]));
    Router::new()
        .route("/orders", post(async move || (StatusCode::CREATED, tokens())))
        .route("/events", get(async move || events()))
        .route("/late", get(async || tokio::time::sleep(Duration::from_mins(1)).await))
}

/// The service under test.
struct Shop(Server);

#[fixture]
async fn shop(teardown: &Teardown) -> Result<Shop> {
    Ok(Shop(Server::start(app(), teardown).await?.named("shop")))
}

const FAILURE: &str = "the body fails";

#[integration_test]
async fn requests_to_the_server(Shop(server): &Shop) -> Result<()> {
    let client = server.client();
    client.post("/orders?access_token=s3cret").json(&json!({"book": 1, "password": "s3cret"})).await?;
    let form = Multipart::new().text("password", "s3cret").text("book", "1");
    Client::new(server.url()).sent_by("admin").post("/orders").multipart(&form).await?;
    Err(FAILURE.into())
}

/// The sender is not known.
#[integration_test]
async fn request_of_another_client(Shop(server): &Shop) -> Result<()> {
    let mut connection = TcpStream::connect(server.address()).await?;
    connection.write_all(b"POST /orders?token=s3cret HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await?;
    Err(FAILURE.into())
}

#[integration_test]
async fn request_to_a_stand_in(payments: &StandIn<Payments>) -> Result<()> {
    payments.inject(Fault::Status(503)).on(request::post("/charge"));
    Client::new(payments.url()).sent_by("shop").post("/charge").await?;
    Err(FAILURE.into())
}

/// A service that is no endpoint of itest.
#[integration_test]
async fn request_to_another_service() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let client = Client::new(format!("http://{}", listener.local_addr()?));
    let answering = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await?;
        connection.read_u8().await?;
        connection.write_all(b"HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
        connection.shutdown().await?;
        connection.read_to_end(&mut Vec::new()).await
    });
    client.get("/tea").await?;
    client.named("library").get("/books").await.unwrap_err();
    drop(client);
    answering.await??;
    Err(FAILURE.into())
}

#[integration_test]
async fn request_without_a_response(Shop(server): &Shop) -> Result<()> {
    server.client().get("/late").timeout(Duration::from_millis(20)).await?;
    Ok(())
}

#[integration_test]
async fn stream_of_events(Shop(server): &Shop) -> Result<()> {
    let mut stream = server.client().get("/events").stream().await?;
    while stream.next_event().await?.is_some() {}
    drop(stream);
    Err(FAILURE.into())
}

/// A service that all tests of a worker share. Its fixture sends a request.
struct Shared(Client);

#[fixture(scope = "worker")]
async fn shared(teardown: &Teardown) -> Result<Shared> {
    let client = Server::start(app(), teardown).await?.client();
    client.post("/orders").await?.assert_success();
    Ok(Shared(client))
}

mod shared {
    use itest::prelude::*;

    use super::{FAILURE, Shared};

    #[integration_test]
    async fn one(Shared(client): &Shared) -> Result<()> {
        client.get("/one").await?;
        Err(FAILURE.into())
    }

    #[integration_test]
    async fn other(Shared(client): &Shared) -> Result<()> {
        client.get("/other").await?;
        Err(FAILURE.into())
    }

    #[integration_test]
    fn without_a_request(_: &Shared) -> Result<()> {
        Err(FAILURE.into())
    }
}

#[integration_test]
fn without_exchanges() {}

#[integration_test]
fn failed_without_exchanges() -> Result<()> {
    Err(FAILURE.into())
}

/// The requests that a server of wiremock received are compared in the test, so that the failure is located there.
#[integration_test]
async fn requests_to_wiremock() -> Result<()> {
    let payments = MockServer::builder().start().await;
    let charge = Mock::given(method("POST")).and(path("/charge")).respond_with(ResponseTemplate::new(201));
    charge.mount(&payments).await;
    Client::new(payments.uri()).named("payments").post("/charge").await?.assert_status(201);
    let received = payments.received_requests().await.unwrap_or_default();
    assert_eq!(received.len(), 2, "charges");
    Ok(())
}

#[integration_test]
async fn server_that_fails(teardown: &Teardown) -> Result<()> {
    Server::start_with(|_, _| async { Err::<(), _>("no threads") }, teardown)?;
    Ok(())
}

#[integration_test]
async fn server_that_ends_early(teardown: &Teardown) -> Result<()> {
    Server::start_with(|_, _| async {}, teardown)?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    Ok(())
}
