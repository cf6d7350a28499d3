//! What orders learns from dispatch. The tests publish the events themselves, so dispatch does not run.

use courier::event::Event;
use courier::orders::Status;
use itest::prelude::*;
use itest::{Fault, statement};

use crate::behind_proxy::OrdersBehindProxy;
use crate::fixtures::{ADA, Events, OrdersService, publish};

/// A paid order. Its announcement stays in the queue of dispatch.
struct PaidOrder(i64);

#[fixture]
async fn paid_order(orders: &OrdersService) -> Result<PaidOrder> {
    Ok(PaidOrder(orders.paid_order(ADA).await?.id))
}

fn assigned(order: i64) -> Event {
    Event::DeliveryAssigned { order, courier: "Grace".to_owned() }
}

#[integration_test(covers("consume delivery.assigned"))]
async fn assigned_courier_is_shown_to_the_customer(
    orders: &OrdersService,
    events: &Events,
    PaidOrder(order): &PaidOrder,
) -> Result<()> {
    #[act]
    publish(events, "dispatch-1", assigned(*order)).await?;

    #[assert]
    let order = orders.wait_for(*order, Status::Assigned).await?;
    assert_eq!(order.courier.as_deref(), Some("Grace"));
    Ok(())
}

#[integration_test(workflow, covers("consume delivery.started", "consume delivery.delivered"))]
async fn delivery_moves_the_order_forward_step_by_step(
    orders: &OrdersService,
    events: &Events,
    PaidOrder(order): &PaidOrder,
) -> Result<()> {
    #[act]
    publish(events, "dispatch-1", assigned(*order)).await?;
    #[assert]
    orders.wait_for(*order, Status::Assigned).await?;

    #[act]
    publish(events, "dispatch-2", Event::DeliveryStarted { order: *order }).await?;
    #[assert]
    orders.wait_for(*order, Status::Started).await?;

    #[act]
    publish(events, "dispatch-3", Event::Delivered { order: *order }).await?;
    #[assert]
    orders.wait_for(*order, Status::Delivered).await?;
    Ok(())
}

/// The event that comes last is the oldest one. It must not move the order back, and the name of its courier must not be lost.
#[integration_test(covers("consume delivery.assigned"))]
async fn late_event_does_not_move_the_order_back(
    orders: &OrdersService,
    events: &Events,
    PaidOrder(order): &PaidOrder,
) -> Result<()> {
    #[arrange]
    publish(events, "dispatch-3", Event::Delivered { order: *order }).await?;
    orders.wait_for(*order, Status::Delivered).await?;

    #[act]
    publish(events, "dispatch-1", assigned(*order)).await?;
    let read = async || orders.order(*order).await.ok();
    let read = eventually(read).until(|order| order.as_ref().is_some_and(|order| order.courier.is_some())).await?;

    #[assert]
    assert_eq!(read.map(|order| order.status), Some(Status::Delivered));
    Ok(())
}

#[integration_test(covers("consume delivery.started"))]
async fn event_that_is_delivered_twice_changes_nothing_more(
    orders: &OrdersService,
    events: &Events,
    PaidOrder(order): &PaidOrder,
) -> Result<()> {
    #[arrange]
    let started = Event::DeliveryStarted { order: *order };

    #[act]
    for _ in 0..2 {
        publish(events, "dispatch-2", started.clone()).await?;
    }
    eventually(async || events.delivered().len()).until(|count| *count == 2).await?;

    #[assert]
    eventually(async || events.unacknowledged().len()).equals(0).await?;
    assert_eq!(orders.order(*order).await?.status, Status::Started);
    Ok(())
}

/// A dead letter that the test does not expect would fail it.
#[integration_test(covers("consume delivery.started"))]
async fn event_about_an_unknown_order_is_a_dead_letter(_orders: &OrdersService, events: &Events) -> Result<()> {
    #[act]
    publish(events, "dispatch-2", Event::DeliveryStarted { order: 404 }).await?;

    #[assert]
    let letter = events.expect_dead_letter(courier::broker::DELIVERIES).await?;
    assert_eq!(letter.reason(), "rejected");
    letter.message().assert_json("/order", 404);
    Ok(())
}

#[integration_test]
#[case::no_json("delivery.started: 7")]
#[case::unknown_type(r#"{ "id": "x-1", "type": "delivery.lost", "order": 7 }"#)]
#[case::no_id(r#"{ "type": "delivery.started", "order": 7 }"#)]
async fn unreadable_event_is_a_dead_letter_and_blocks_no_other_one(
    orders: &OrdersService,
    events: &Events,
    PaidOrder(order): &PaidOrder,
    #[case] body: &str,
) -> Result<()> {
    #[act]
    events.publish("courier/delivery.started").text(body).await?;
    publish(events, "dispatch-2", Event::DeliveryStarted { order: *order }).await?;

    #[assert]
    let letter = events.expect_dead_letter(courier::broker::DELIVERIES).await?;
    assert_eq!(letter.message().text(), body);
    orders.wait_for(*order, Status::Started).await?;
    Ok(())
}

#[integration_test(covers("consume delivery.assigned"))]
async fn event_is_handled_again_after_a_failure_of_the_database(
    orders: &OrdersBehindProxy,
    events: &Events,
    proxy: &Proxy,
) -> Result<()> {
    #[arrange]
    let order = orders.paid_order(ADA).await?.id;
    proxy.inject(Fault::ResetBefore).on(statement::containing("UPDATE orders SET status = $2, courier")).first(2);

    #[act]
    publish(events, "dispatch-1", assigned(order)).await?;

    #[assert]
    orders.wait_for(order, Status::Assigned).await?;
    Ok(())
}

#[integration_test(covers("consume delivery.assigned"))]
#[case::before_the_delivery(Fault::ResetBefore, 1)]
#[case::before_the_acknowledgement(Fault::ResetAfter, 2)]
async fn consumer_connects_again_after_a_lost_connection(
    orders: &OrdersService,
    events: &Events,
    PaidOrder(order): &PaidOrder,
    #[case] fault: Fault,
    #[case] deliveries: usize,
) -> Result<()> {
    #[arrange]
    events.expect_consumers(courier::broker::DELIVERIES, 1).await?;
    events.inject(fault).on_delivery("delivery.assigned").first(1);

    #[act]
    publish(events, "dispatch-1", assigned(*order)).await?;

    #[assert("the broker delivers the event once more, and now it is acknowledged")]
    eventually(async || events.delivered().len()).equals(deliveries).await?;
    eventually(async || events.unacknowledged().len()).equals(0).await?;
    orders.wait_for(*order, Status::Assigned).await?;
    Ok(())
}
