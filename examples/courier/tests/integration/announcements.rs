//! The outbox of orders: a payment is announced if, and only if, it is committed, whatever happens to the database and the broker.

use courier::event::{Envelope, Event};
use itest::prelude::*;
use itest::{ConnectionFault, Fault, statement};

use crate::behind_proxy::OrdersBehindProxy;
use crate::fixtures::{ADA, Events, OrdersDb, OrdersService, OrdersSetup};

#[integration_test(covers("publish order.paid"))]
async fn payment_is_announced_with_what_dispatch_needs(orders: &OrdersService, events: &Events) -> Result<()> {
    #[act]
    let order = orders.paid_order(ADA).await?;

    #[assert]
    let announced = events.expect("order.paid").exactly(1).await?;
    let envelope: Envelope = announced[0].json()?;
    let expected = Event::OrderPaid { order: order.id, customer: ADA.to_owned(), address: order.address };
    assert_eq!(envelope.event, expected);
    Ok(())
}

#[integration_test(covers("publish order.paid"))]
async fn announcement_is_persistent_json_with_an_id(orders: &OrdersService, events: &Events) -> Result<()> {
    #[act]
    orders.paid_order(ADA).await?;

    #[assert]
    let announced = events.expect("courier/order.paid").await?;
    let id = announced.at("/id").as_str().unwrap_or_default().to_owned();
    announced
        .assert_header("content-type", "application/json")
        .assert_header("delivery-mode", "2")
        .assert_header("message-id", &id);
    Ok(())
}

#[integration_test]
async fn order_that_is_not_paid_is_not_announced(orders: &OrdersService, events: &Events) -> Result<()> {
    #[act]
    let order = orders.place(ADA).await?;
    orders.cancel(order.id).await?.assert_status(200);

    #[assert]
    events.expect_none("order.#");
    Ok(())
}

#[integration_test(covers("publish order.paid"))]
async fn announcements_come_in_the_order_of_the_payments(orders: &OrdersService, events: &Events) -> Result<()> {
    #[act]
    let mut paid = Vec::new();
    for _ in 0..3 {
        paid.push(orders.paid_order(ADA).await?.id);
    }

    #[assert]
    let announced = events.expect("order.paid").exactly(3).await?;
    let announced: Vec<_> = announced.iter().filter_map(|event| event.at("/order").as_i64()).collect();
    assert_eq!(announced, paid);
    Ok(())
}

/// The database rolls the payment back, so nothing may be announced. `expect_none` also fails for an event that comes later.
#[integration_test]
async fn payment_that_is_rolled_back_is_not_announced(
    orders: &OrdersBehindProxy,
    db: &OrdersDb,
    events: &Events,
    proxy: &Proxy,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    proxy.inject(Fault::ResetBefore).on(statement::matching("commits", |sql| sql == "COMMIT")).first(1);

    #[act]
    let response = orders.pay(order.id).await?;

    #[assert]
    response.assert_status(503);
    let written: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(&db.pool()).await?;
    assert_eq!(written, 0, "events in the outbox");
    events.expect_none("order.paid");
    Ok(())
}

/// The broker has the event, and its confirmation is lost, so the service publishes it again, with the same id.
#[integration_test(covers("publish order.paid"))]
async fn announcement_without_a_confirmation_is_repeated_with_the_same_id(
    orders: &OrdersService,
    events: &Events,
) -> Result<()> {
    #[arrange]
    events.inject(Fault::ResetDuring).on_publication("order.paid").first(1);

    #[act]
    orders.paid_order(ADA).await?;

    #[assert]
    let announced = events.expect("order.paid").exactly(2).await?;
    assert_eq!(announced[0].at("/id"), announced[1].at("/id"));
    Ok(())
}

#[integration_test(covers("publish order.paid"))]
async fn announcement_that_never_reached_the_broker_is_repeated(
    orders: &OrdersService,
    events: &Events,
    db: &OrdersDb,
) -> Result<()> {
    #[arrange]
    events.inject(Fault::ResetBefore).on_publication("order.paid").first(1);

    #[act]
    orders.paid_order(ADA).await?;

    #[assert("the broker has got it once")]
    events.expect("order.paid").exactly(1).await?;
    let is_published = async || {
        let pending = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE published_at IS NULL");
        pending.fetch_one(&db.pool()).await.unwrap_or(-1_i64)
    };
    eventually(is_published).equals(0).await?;
    Ok(())
}

/// The proxy stands between the service and the broker, and refuses connections like a broker that is down.
#[integration_test(covers("publish order.paid"))]
async fn payment_works_without_the_broker_and_is_announced_when_it_is_back(
    setup: &OrdersSetup,
    events: &Events,
    proxy: &Proxy,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let orders = OrdersSetup { amqp: proxy.to(events.url())?, ..setup.clone() }.start(teardown).await?;
    events.expect_consumers(courier::broker::DELIVERIES, 1).await?;
    proxy.refuse_connections().await?;

    #[act]
    let order = orders.paid_order(ADA).await?;
    let while_down = events.published().len();
    proxy.accept_connections().await?;

    #[assert]
    assert_eq!(while_down, 0);
    events.expect("order.paid").json("/order", order.id).exactly(1).await?;
    Ok(())
}

#[integration_test(covers("publish order.paid"))]
async fn slow_broker_delays_no_payment(
    setup: &OrdersSetup,
    events: &Events,
    proxy: &Proxy,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let orders = OrdersSetup { amqp: proxy.to(events.url())?, ..setup.clone() }.start(teardown).await?;
    events.expect_consumers(courier::broker::DELIVERIES, 1).await?;
    proxy.inject_into_connections(ConnectionFault::HalfOpen).on_every_connection().first(1);
    proxy.reset_connections().await?;

    #[act(within = "2s")]
    let order = orders.paid_order(ADA).await?;

    #[assert("once the service has given up its half-open connection")]
    events.expect("order.paid").json("/order", order.id).within(std::time::Duration::from_secs(15)).await?;
    Ok(())
}
