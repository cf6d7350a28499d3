//! Servers and clients that outlive a test. How exchanges are reported is tested end to end, in `tests/integration/http.rs`.

use axum::Router;
use axum::routing::get;
use itest::prelude::*;
use itest::{Client, Server};

/// A service that all tests of a worker share.
struct Shared(Client);

#[fixture(scope = "worker")]
async fn shared(teardown: &Teardown) -> Result<Shared> {
    let client = Server::start(Router::new().route("/", get(async || "shared")), teardown).await?.client();
    client.get("/").await?.assert_text("shared");
    Ok(Shared(client))
}

#[integration_test]
async fn server_of_a_worker_answers_the_first_test(Shared(client): &Shared) -> Result<()> {
    client.get("/").await?.assert_text("shared");
    Ok(())
}

#[integration_test]
async fn server_of_a_worker_answers_the_second_test(Shared(client): &Shared) -> Result<()> {
    client.get("/").await?.assert_text("shared");
    Ok(())
}
