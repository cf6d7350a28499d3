//! Orders over HTTP: placing, reading, listing and cancelling them. The simplest tests of the suite: a service, a client, a database.

use courier::orders::{Order, Status};
use itest::prelude::*;
use itest::{concurrently, statement};
use serde_json::{Value, json};

use crate::behind_proxy::OrdersBehindProxy;
use crate::fixtures::{ADA, OrdersDb, OrdersService};

#[integration_test(tags("smoke"), covers("POST /orders"))]
async fn new_order_is_placed_and_not_paid(orders: &OrdersService) -> Result<()> {
    #[act]
    let order = orders.place(ADA).await?;

    #[assert]
    assert_eq!((order.status, order.courier.as_deref(), order.amount_cents), (Status::Placed, None, 1250));
    Ok(())
}

#[integration_test(tags("smoke"), covers("GET /health"))]
async fn service_with_its_database_is_healthy(orders: &OrdersService) -> Result<()> {
    #[act]
    let response = orders.client.get("/health").await?;

    #[assert]
    response.assert_status(204);
    Ok(())
}

#[integration_test(covers("GET /orders/{id}"))]
async fn order_can_be_read_by_its_number(orders: &OrdersService) -> Result<()> {
    #[arrange]
    let placed = orders.place(ADA).await?;

    #[act]
    let response = orders.client.get(format!("/orders/{}", placed.id)).await?;

    #[assert]
    response.assert_status(200).assert_json("/customer", ADA).assert_json("/status", "placed");
    assert_eq!(response.json::<Order>()?, placed);
    Ok(())
}

#[integration_test(covers("GET /orders/{id}"))]
async fn unknown_order_is_not_found(orders: &OrdersService) -> Result<()> {
    #[act]
    let response = orders.client.get("/orders/1").await?;

    #[assert]
    response.assert_status(404).assert_json("/error", "not-found");
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[case::no_amount(json!({ "customer": ADA, "address": "here", "amount_cents": 0 }))]
#[case::negative_amount(json!({ "customer": ADA, "address": "here", "amount_cents": -1 }))]
#[case::no_mail_address(json!({ "customer": "Ada", "address": "here", "amount_cents": 1 }))]
#[case::no_address(json!({ "customer": ADA, "amount_cents": 1 }))]
async fn invalid_order_is_refused(orders: &OrdersService, db: &OrdersDb, #[case] body: Value) -> Result<()> {
    #[act]
    let response = orders.client.post("/orders").json(&body).await?;

    #[assert]
    response.assert_status(422);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&db.pool()).await?;
    assert_eq!(count, 0);
    Ok(())
}

#[integration_test(covers("GET /orders"))]
async fn customers_see_their_own_orders_only(orders: &OrdersService) -> Result<()> {
    #[arrange]
    let (first, second) = (orders.place(ADA).await?, orders.place(ADA).await?);
    orders.place("bob@example.org").await?;

    #[act]
    let listed: Vec<Order> = orders.client.get("/orders").query(&[("customer", ADA)]).await?.json()?;

    #[assert]
    assert_eq!(listed, [first, second]);
    Ok(())
}

/// The proxy between the service and its database sees each statement. The pool of the test does not lead through it.
#[integration_test(covers("GET /orders"))]
async fn list_of_orders_needs_one_query(orders: &OrdersBehindProxy, proxy: &Proxy) -> Result<()> {
    #[arrange]
    for _ in 0..5 {
        orders.place(ADA).await?;
    }

    #[act]
    orders.client.get("/orders").query(&[("customer", ADA)]).await?.assert_status(200);

    #[assert]
    let queries = proxy.statements().during(itest::Phase::Act);
    queries.beginning_with(&["SELECT * FROM orders"]).assert_at_most(1);
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/cancel"))]
async fn order_can_be_cancelled_until_it_is_paid(orders: &OrdersService) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;

    #[act]
    let cancelled = orders.cancel(order.id).await?;

    #[assert]
    cancelled.assert_status(200).assert_json("/status", "cancelled");
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/cancel"))]
async fn cancelling_twice_is_the_same_as_cancelling_once(orders: &OrdersService) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    orders.cancel(order.id).await?.assert_status(200);

    #[act]
    let again = orders.cancel(order.id).await?;

    #[assert]
    again.assert_status(200).assert_json("/status", "cancelled");
    Ok(())
}

/// Eight requests at once lock the same row. One of the two decisions wins, and the other one is refused.
#[integration_test(covers("POST /orders/{id}/cancel", "POST /orders/{id}/pay"))]
async fn payment_and_cancellation_at_once_have_one_winner(orders: &OrdersService) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?.id;

    #[act]
    let calls = concurrently(8, |number| match number % 2 {
        0 => orders.pay(order).send(),
        _ => orders.cancel(order).send(),
    })
    .await;

    #[assert]
    let winner = orders.order(order).await?.status;
    assert!(matches!(winner, Status::Paid | Status::Cancelled), "{winner:?}");
    for response in calls.outcomes() {
        let response = response.as_ref().map_err(ToString::to_string)?;
        match response.status() {
            200 => assert_eq!(response.at("/status"), serde_json::to_value(winner)?),
            _ => drop(response.assert_status(409)),
        }
    }
    Ok(())
}

#[integration_test(covers("POST /orders"))]
async fn order_is_refused_while_the_database_is_gone(orders: &OrdersBehindProxy, proxy: &Proxy) -> Result<()> {
    #[arrange]
    proxy.inject(itest::Fault::ResetBefore).on(statement::containing("INSERT INTO orders")).first(1);
    let order = json!({ "customer": ADA, "address": "here", "amount_cents": 1 });

    #[act]
    let lost = orders.client.post("/orders").json(&order).await?;
    let again = orders.client.post("/orders").json(&order).await?;

    #[assert("the second request has a new connection")]
    lost.assert_status(503).assert_json("/error", "database-failed");
    again.assert_status(201);
    Ok(())
}
