//! The in-process server with services of axum, tower, hyper and tonic, and with actix-web, which serves itself.

use std::convert::Infallible;

use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::http::Version;
use axum::routing::get;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use itest::prelude::*;
use itest::{Client, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// A service of tower that is a function over hyper's types.
#[integration_test]
async fn service_of_tower_over_hyper_is_served(teardown: &Teardown) -> Result<()> {
    let service = tower::service_fn(async |request: Request<Incoming>| {
        let text = format!("{} {:?}", request.uri(), request.version());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let server = Server::start(service, teardown).await?;
    server.client().get("/books").await?.assert_text("/books HTTP/1.1");
    Ok(())
}

#[integration_test]
async fn grpc_of_tonic_is_served_beside_http_1(teardown: &Teardown) -> Result<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("shop", ServingStatus::Serving).await;
    let app = Router::new()
        .route("/version", get(async |version: Version| format!("{version:?}")))
        .route_service("/grpc.health.v1.Health/{method}", health);
    let server = Server::start(app, teardown).await?;
    let channel = tonic::transport::Endpoint::try_from(server.url())?.connect().await?;
    let mut client = HealthClient::new(channel);
    let response = client.check(HealthCheckRequest { service: "shop".to_owned() }).await?;
    assert_eq!(response.into_inner().status, 1);
    let missing = client.check(HealthCheckRequest { service: "bank".to_owned() }).await.unwrap_err();
    assert_eq!(missing.code(), tonic::Code::NotFound);
    server.client().get("/version").await?.assert_text("HTTP/1.1");
    Ok(())
}

/// The stream of the service never ends, and the client holds it until the end of the test.
#[integration_test]
async fn endless_stream_of_grpc_ends_with_its_client(teardown: &Teardown) -> Result<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("shop", ServingStatus::Serving).await;
    let server = Server::start(tonic::service::Routes::new(health), teardown).await?;
    let channel = tonic::transport::Endpoint::try_from(server.url())?.connect().await?;
    let mut client = HealthClient::new(channel);
    let mut statuses = client.watch(HealthCheckRequest { service: "shop".to_owned() }).await?.into_inner();
    assert_eq!(statuses.message().await?.map(|status| status.status), Some(1));
    Ok(())
}

struct Actix(Server);

#[fixture]
fn actix(teardown: &Teardown) -> Result<Actix> {
    let serve = |listener, shutdown| async move {
        let app = || App::new().route("/books/{id}", web::get().to(async |id: web::Path<u32>| id.to_string()));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run();
        let handle = server.handle();
        let (ended, ()) = tokio::join!(server, async move {
            shutdown.await;
            handle.stop(true).await;
        });
        ended
    };
    Ok(Actix(Server::start_with(serve, teardown)?.named("library")))
}

#[integration_test]
async fn actix_serves_the_listener(Actix(server): &Actix) -> Result<()> {
    server.client().get("/books/7").await?.assert_status(200).assert_text("7");
    server.client().get("/nothing").await?.assert_status(404);
    Ok(())
}

#[integration_test]
async fn axum_serves_the_listener_until_it_is_shut_down(teardown: &Teardown) -> Result<()> {
    let server = Server::start_with(
        |listener, shutdown| async move {
            let app = Router::new().route("/", get(async || "axum"));
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, app).with_graceful_shutdown(shutdown).await
        },
        teardown,
    )?;
    server.client().get("/").await?.assert_text("axum");
    Ok(())
}

/// A connection without a request does not delay the stop of the server.
#[integration_test(timeout = "4s")]
async fn idle_connection_does_not_delay_the_stop(teardown: &Teardown) -> Result<()> {
    let connections = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = std::sync::Arc::clone(&connections);
    // The step runs after that of the server.
    teardown.defer("close the connection", async move { drop(kept) });
    let server = Server::start(Router::new(), teardown).await?;
    let connection = tokio::net::TcpStream::connect(server.address()).await?;
    connections.lock().unwrap().push(connection);
    Client::new(server.url()).get("/").await?.assert_status(404);
    Ok(())
}
