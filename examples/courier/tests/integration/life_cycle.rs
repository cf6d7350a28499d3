//! The whole life of an order, over both services.

use courier::event::Event;
use courier::orders::Status;
use itest::Fault;
use itest::prelude::*;
use itest::s3::Bucket;

use crate::fixtures::{ADA, DispatchService, Events, OrdersService, mail_about};
use crate::provider::Provider;

#[integration_test(workflow, tags("smoke"), covers("workflow life cycle of an order"))]
async fn order_is_placed_paid_assigned_started_delivered_notified_and_counted(
    orders: &OrdersService,
    dispatch: &DispatchService,
    provider: &Provider,
    events: &Events,
    mailbox: &Mailbox,
    receipts: &Bucket,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;

    #[act("Ada places an order")]
    let order = orders.place(ADA).await?;
    #[assert]
    assert_eq!(order.status, Status::Placed);

    #[act("she pays for it")]
    let paid = orders.pay(order.id).await?;
    #[assert("it is charged once, and announced")]
    paid.assert_status(200).assert_json("/status", "paid");
    assert_eq!(provider.charges().into_values().collect::<Vec<_>>(), [1250]);
    events.expect("order.paid").json("/order", order.id).exactly(1).await?;

    #[act("dispatch assigns the courier")]
    let assigned = orders.wait_for(order.id, Status::Assigned).await?;
    #[assert]
    assert_eq!(assigned.courier.as_deref(), Some("Grace"));

    #[act("Grace rides off")]
    dispatch.start(order.id).await?.assert_status(204);
    #[assert]
    orders.wait_for(order.id, Status::Started).await?;

    #[act("Grace hands it over")]
    dispatch.deliver(order.id).await?.assert_status(204);
    #[assert("both services know it")]
    orders.wait_for(order.id, Status::Delivered).await?;
    assert_eq!(dispatch.delivery(order.id).await?.status, "delivered");

    #[act("the customer is notified")]
    let mail = mail_about(mailbox, ADA, order.id).await?;
    #[assert("with a link to a receipt that is stored")]
    mail.assert_link(&format!("https://courier.example.org/receipts/{}", order.id));
    receipts.expect(&format!("receipts/{}.json", order.id)).await?.assert_json("/courier", "Grace");

    #[act("the boss counts")]
    let couriers = dispatch.couriers().await?;
    #[assert]
    assert_eq!((couriers[0].delivered, couriers[0].busy_with), (1, None));
    let last: Event = events.expect("delivery.delivered").await?.json()?;
    assert_eq!(last, Event::Delivered { order: order.id });
    Ok(())
}

/// The customer changes their mind when the courier is already assigned. Both services go on.
#[integration_test(covers("POST /orders/{id}/cancel"))]
async fn order_on_its_way_cannot_be_cancelled(orders: &OrdersService, dispatch: &DispatchService) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    let order = orders.paid_order(ADA).await?.id;
    orders.wait_for(order, Status::Assigned).await?;

    #[act]
    let response = orders.cancel(order).await?;

    #[assert]
    response.assert_status(409).assert_json("/message", "the order is assigned");
    Ok(())
}

/// Three orders and one courier: dispatch delivers one after another, in the order of their payments.
#[integration_test]
async fn courier_delivers_several_orders_one_after_another(
    orders: &OrdersService,
    dispatch: &DispatchService,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    let mut paid = Vec::new();
    for _ in 0..3 {
        paid.push(orders.paid_order(ADA).await?.id);
    }

    #[act]
    for order in &paid {
        orders.wait_for(*order, Status::Assigned).await?;
        dispatch.complete(*order).await?;
        orders.wait_for(*order, Status::Delivered).await?;
    }

    #[assert]
    let delivered = events.expect("delivery.delivered").exactly(3).await?;
    assert_eq!(delivered.iter().filter_map(|event| event.at("/order").as_i64()).collect::<Vec<_>>(), paid);
    for order in paid {
        mail_about(mailbox, ADA, order).await?;
    }
    Ok(())
}

/// Both services get each event twice, and the whole system counts one delivery and sends one mail.
#[integration_test]
async fn duplicates_of_all_events_change_nothing(
    orders: &OrdersService,
    dispatch: &DispatchService,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    events.inject(Fault::Duplicate).on_publication("#");
    dispatch.hire("Grace").await?;

    #[act]
    let order = orders.paid_order(ADA).await?.id;
    orders.wait_for(order, Status::Assigned).await?;
    dispatch.complete(order).await?;

    #[assert]
    orders.wait_for(order, Status::Delivered).await?;
    mail_about(mailbox, ADA, order).await?;
    assert_eq!(dispatch.couriers().await?[0].delivered, 1);
    Ok(())
}

/// The broker restarts: each connection of both services is lost at any moment, also between a delivery and its acknowledgement.
#[integration_test]
async fn order_is_delivered_although_the_broker_loses_all_connections(
    orders: &OrdersService,
    dispatch: &DispatchService,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    events.inject(Fault::ResetDuring).on_publication("order.paid").first(1);
    events.inject(Fault::ResetBefore).on_delivery("order.paid").first(1);
    events.inject(Fault::ResetBefore).on_publication("delivery.assigned").first(1);
    dispatch.hire("Grace").await?;

    #[act]
    let order = orders.paid_order(ADA).await?.id;
    orders.wait_for(order, Status::Assigned).await?;
    dispatch.complete(order).await?;

    #[assert]
    orders.wait_for(order, Status::Delivered).await?;
    mail_about(mailbox, ADA, order).await?;
    Ok(())
}
