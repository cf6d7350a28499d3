//! A service with endpoints and a payment provider, of which the tests cover a part.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use itest::prelude::*;
use itest::{Api, Client, Contract, Fault, Reply, Server, StandIn, contract, integration_points, request};

itest::main!();

integration_points!("POST /orders", "DELETE /orders/{id}", "consume order.shipped", "workflow refund of a paid order",);

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

/// No test uses this service.
struct Bank;

impl Api for Bank {
    const NAME: &'static str = "bank";

    fn contract() -> Option<Contract> {
        Some(contract!("suites/contracts/payments.yaml"))
    }
}

itest::contract_points!(calls Bank);

/// Sends a request to the provider, as the service does it.
async fn send(State(payments): State<Client>, path: &str) -> StatusCode {
    match payments.post(path).await {
        Ok(response) => StatusCode::from_u16(response.status()).unwrap_or(StatusCode::BAD_GATEWAY),
        Err(_) => StatusCode::BAD_GATEWAY,
    }
}

/// The service under test.
struct Shop(Client);

#[fixture]
async fn shop(payments: &StandIn<Payments>, teardown: &Teardown) -> Result<Shop> {
    let order = async |Path(id): Path<u32>| if id == 0 { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let app = Router::new()
        .route("/orders", post(async |payments| send(payments, "/charges").await))
        .route("/orders/{id}", get(order).put(async || StatusCode::NO_CONTENT))
        .route(
            "/orders/{id}/refund",
            post(async |payments| send(payments, "/refunds/1f0e4a52-7a52-4b43-9d3e-1f4c5b6a7d8e").await),
        )
        .with_state(Client::new(payments.url()).sent_by("shop"));
    Ok(Shop(Server::start(app, teardown).await?.client()))
}

#[integration_test(covers("POST /orders", "call payments POST /charges"))]
#[case::paid(201)]
#[case::declined(402)]
async fn order_is_charged(Shop(shop): &Shop, payments: &StandIn<Payments>, #[case] status: u16) -> Result<()> {
    payments.when(request::post("/charges")).reply(Reply::status(status));
    shop.post("/orders").await?.assert_status(status);
    Ok(())
}

#[integration_test(covers("GET /orders/{number}"))]
async fn orders_are_read(Shop(shop): &Shop) -> Result<()> {
    shop.get("/orders/17").await?.assert_status(200);
    shop.get("/orders/0?full=1").await?.assert_status(404);
    shop.get("/nothing/17").await?.assert_status(404);
    Ok(())
}

/// It passes without the request that it declares.
#[integration_test(covers("GET /orders/{id}"))]
async fn declaration_without_a_use(Shop(shop): &Shop) -> Result<()> {
    shop.get("/nothing").await?.assert_status(404);
    Ok(())
}

/// Without the variable, it passes.
#[integration_test]
async fn update_that_may_fail(Shop(shop): &Shop) -> Result<()> {
    shop.put("/orders/17").await?.assert_status(if std::env::var_os("BREAK").is_some() { 200 } else { 204 });
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/refund"))]
async fn refund_with_a_fault_of_the_provider(Shop(shop): &Shop, payments: &StandIn<Payments>) -> Result<()> {
    payments.inject(Fault::Status(503)).on(request::post("/refunds/{id}")).first(1);
    shop.post("/orders/17/refund").await?.assert_status(503);
    Ok(())
}

/// No exchange shows the table, because there is no database.
#[integration_test(covers("table orders", "workflow life cycle of an order"))]
fn points_that_no_exchange_shows() {}

#[integration_test(ignore = "the provider has no sandbox", covers("call payments GET /balance"))]
fn balance_is_read() {}
