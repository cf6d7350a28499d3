//! What a request has besides its body: credentials, default headers, a base path, and a time limit.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::{any, get};
use itest::prelude::*;
use itest::{Client, Server};

struct Echo {
    client: Client,
    url: String,
}

/// A service that returns what it receives.
#[fixture]
async fn echo(teardown: &Teardown) -> Result<Echo> {
    let header = |headers: HeaderMap, name: &str| {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(" and ")
    };
    let app = Router::new()
        .route("/authorization", get(async move |headers: HeaderMap| header(headers, "authorization")))
        .route("/tenant", get(async move |headers: HeaderMap| header(headers, "x-tenant")))
        .route("/late", get(async || tokio::time::sleep(Duration::from_mins(1)).await))
        .route("/api/{*path}", any(async |request: Request| format!("{} {}", request.method(), request.uri())));
    let server = Server::start(app, teardown).await?;
    Ok(Echo { client: server.client(), url: server.url() })
}

#[integration_test]
async fn credentials_of_any_scheme_are_sent(Echo { client, .. }: &Echo) -> Result<()> {
    client.get("/authorization").bearer("t0ken").await?.assert_text("Bearer t0ken");
    // The example of RFC 7617.
    let response = client.get("/authorization").basic("Aladdin", "open sesame").await?;
    response.assert_text("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(response.to_string().contains("> authorization: ***\n"), "{response}");
    let response = client.get("/authorization").authorization("ApiKey", "id:s3cret").await?;
    response.assert_text("ApiKey id:s3cret");
    assert!(response.to_string().contains("> authorization: ***\n"), "{response}");
    let error = client.get("/").authorization("ApiKey", "s3cret\n").await.unwrap_err().to_string();
    assert_eq!(error, "the credentials of the scheme \"ApiKey\" are invalid");
    Ok(())
}

#[integration_test]
async fn header_of_a_request_replaces_that_of_its_client(Echo { client, .. }: &Echo) -> Result<()> {
    let blue = client.with_header("x-tenant", "red").with_header("X-Tenant", "blue").with_bearer("t0ken");
    blue.get("/tenant").await?.assert_text("blue");
    blue.get("/tenant").header("x-tenant", "green").await?.assert_text("green");
    blue.get("/authorization").await?.assert_text("Bearer t0ken");
    blue.get("/authorization").basic("ann", "").await?.assert_text("Basic YW5uOg==");
    client.get("/tenant").await?.assert_text("");
    let error = client.with_header("x-key", "s3cret\n").get("/tenant").await.unwrap_err().to_string();
    assert_eq!(error, "the value of the header x-key is invalid");
    Ok(())
}

#[integration_test]
async fn path_is_appended_to_the_base_path(Echo { url, .. }: &Echo) -> Result<()> {
    for base in [format!("{url}/api/v1"), format!("{url}/api/v1/")] {
        let client = Client::new(base);
        client.get("/books?page=2").await?.assert_text("GET /api/v1/books?page=2");
        client.delete("/books/7").query(&[("force", true)]).await?.assert_text("DELETE /api/v1/books/7?force=true");
        client.request("OPTIONS".parse()?, "").await?.assert_text("OPTIONS /api/v1");
    }
    Ok(())
}

/// The error is located at the line of the request.
#[integration_test]
async fn path_without_a_slash_is_an_error_at_its_line(Echo { client, .. }: &Echo) -> Result<()> {
    let (error, line) = (client.get("books").await.unwrap_err(), line!());
    assert!(error.to_string().starts_with("the path \"books\" must begin with a slash"), "{error}");
    let located = format!("{error:?}");
    assert!(located.contains(&format!("requests.rs:{line}:")), "{located}");
    Ok(())
}

#[integration_test]
async fn request_ends_at_its_time_limit(Echo { client, .. }: &Echo) -> Result<()> {
    let error = client.get("/late").timeout(Duration::from_millis(20)).await.unwrap_err().to_string();
    assert!(error.contains("/late: no response within 20ms"), "{error}");
    let error = client.get("/late").timeout(Duration::from_millis(20)).stream().await.unwrap_err().to_string();
    assert!(error.contains("/late: no response within 20ms"), "{error}");
    Ok(())
}

/// A paused clock jumps to the next timer whenever the test waits, so that a limit by this clock would end at once.
#[integration_test(flavor = "current_thread", start_paused = true)]
async fn time_limit_does_not_depend_on_a_paused_clock(Echo { client, .. }: &Echo) -> Result<()> {
    for _ in 0..10 {
        client.get("/tenant").await?.assert_status(200);
    }
    Ok(())
}

#[integration_test]
async fn unreachable_service_is_an_error_with_its_cause() -> Result<()> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let error = Client::new(format!("http://127.0.0.1:{port}")).get("/?token=s3cret").await.unwrap_err().to_string();
    assert!(error.contains("/?token=***: ") && error.contains("onnection refused"), "{error}");
    Ok(())
}
