//! Payments through a third party, which a stand-in plays: answers, refusals, and everything that can go wrong on the way.

use courier::orders::Status;
use itest::prelude::*;
use itest::{Fault, Reply, concurrently, statement};

use crate::behind_proxy::OrdersBehindProxy;
use crate::fixtures::{ADA, CALL_TIMEOUT, Events, OrdersService};
use crate::provider::{Payments, Provider, charge};

#[integration_test(tags("smoke"), covers("POST /orders/{id}/pay"))]
async fn payment_charges_the_card_with_the_amount_of_the_order(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;

    #[act]
    let paid = orders.pay(order.id).await?;

    #[assert]
    paid.assert_status(200).assert_json("/status", "paid");
    let requests = payments.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("idempotency-key"), Some(format!("order-{}", order.id).as_str()));
    assert_eq!(
        requests[0].json::<serde_json::Value>()?,
        serde_json::json!({ "amount_cents": 1250, "card": "tok_visa" })
    );
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
async fn declined_card_leaves_the_order_placed(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
    events: &Events,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    payments.when(charge()).once().reply(Reply::status(402));

    #[act]
    let response = orders.pay(order.id).await?;

    #[assert("nothing is announced, also not after this line")]
    response.assert_status(402).assert_json("/error", "declined");
    assert_eq!(orders.order(order.id).await?.status, Status::Placed);
    events.expect_none("order.paid");
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
async fn declined_card_can_be_replaced_by_another_one(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    payments.when(charge()).once().reply(Reply::status(402));
    orders.pay(order.id).await?.assert_status(402);

    #[act]
    let response = orders.pay(order.id).await?;

    #[assert]
    response.assert_status(200).assert_json("/status", "paid");
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
async fn second_payment_of_an_order_does_not_reach_the_provider(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
) -> Result<()> {
    #[arrange]
    let order = orders.paid_order(ADA).await?;

    #[act]
    let again = orders.pay(order.id).await?;

    #[assert]
    again.assert_status(200).assert_json("/status", "paid");
    assert_eq!(payments.received().len(), 1);
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
async fn payments_at_once_charge_the_card_once(
    orders: &OrdersService,
    provider: &Provider,
    events: &Events,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?.id;

    #[act]
    let calls = concurrently(5, |_| orders.pay(order).send()).await;

    #[assert]
    for response in calls.outcomes() {
        response.as_ref().map_err(ToString::to_string)?.assert_status(200);
    }
    assert_eq!(provider.charges().len(), 1);
    events.expect("order.paid").exactly(1).await?;
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
async fn cancelled_order_cannot_be_paid(orders: &OrdersService, payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    orders.cancel(order.id).await?.assert_status(200);

    #[act]
    let response = orders.pay(order.id).await?;

    #[assert]
    response.assert_status(409).assert_json("/message", "the order is cancelled");
    assert!(payments.received().is_empty());
    Ok(())
}

/// The provider may have made the charge whose answer was lost, so the service sends the same key again. The invariant
/// `each_paid_order_is_charged_exactly_once` fails if it does not.
#[integration_test(covers("POST /orders/{id}/pay"))]
async fn charge_whose_answer_is_lost_is_repeated_and_made_once(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
    #[values(Fault::ResetDuring, Fault::Cut(20), Fault::Malformed)] fault: Fault,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    payments.inject(fault).on(charge()).first(1);

    #[act]
    let paid = orders.pay(order.id).await?;

    #[assert]
    paid.assert_status(200).assert_json("/status", "paid");
    assert_eq!(payments.received().len(), 2);
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
#[case::busy(Fault::Status(503))]
#[case::unreachable(Fault::ResetBefore)]
async fn charge_is_tried_three_times(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
    #[case] fault: Fault,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    payments.inject(fault).on(charge()).first(3);

    #[act]
    let response = orders.pay(order.id).await?;

    #[assert]
    response.assert_status(502).assert_json("/error", "payments-failed");
    assert_eq!(payments.received().len(), 3);
    assert_eq!(orders.order(order.id).await?.status, Status::Placed);
    Ok(())
}

/// `within` is the time limit of the phase. A request without a limit of its own fails the test in `act`.
#[integration_test(covers("POST /orders/{id}/pay"))]
async fn provider_that_never_answers_does_not_block_the_payment(
    orders: &OrdersService,
    payments: &StandIn<Payments>,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    payments.inject(Fault::Timeout).on(charge()).first(1);

    #[act(within = "3s")]
    let response = orders.pay(order.id).await?;

    #[assert]
    response.assert_status(504).assert_json("/error", "payments-timeout");
    assert_eq!(orders.order(order.id).await?.status, Status::Placed);
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/pay"))]
async fn provider_that_is_a_little_slow_is_awaited(orders: &OrdersService, payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    payments.inject(Fault::Latency(CALL_TIMEOUT / 10)).on(charge());

    #[act]
    let response = orders.pay(order.id).await?;

    #[assert]
    response.assert_status(200);
    Ok(())
}

/// The card is charged and the order is not paid: the client gets an error, and may send the request again without a second charge.
#[integration_test(covers("POST /orders/{id}/pay"))]
async fn payment_may_be_repeated_when_its_commit_failed(
    orders: &OrdersBehindProxy,
    proxy: &Proxy,
    provider: &Provider,
) -> Result<()> {
    #[arrange]
    let order = orders.place(ADA).await?;
    proxy.inject(Fault::ResetBefore).on(statement::matching("commits", |sql| sql == "COMMIT")).first(1);

    #[act]
    let lost = orders.pay(order.id).await?;
    let again = orders.pay(order.id).await?;

    #[assert]
    lost.assert_status(503);
    again.assert_status(200).assert_json("/status", "paid");
    assert_eq!(provider.charges().len(), 1);
    Ok(())
}
