//! How dispatch assigns couriers. The tests publish the paid orders themselves, so orders does not run.

use courier::event::{Envelope, Event};
use itest::prelude::*;
use itest::{Fault, statement};

use crate::behind_proxy::DispatchBehindProxy;
use crate::fixtures::{ADA, DispatchService, DispatchSetup, Events, assigned, publish_paid};

#[integration_test(tags("smoke"), covers("consume order.paid", "publish delivery.assigned"))]
async fn paid_order_gets_a_free_courier(dispatch: &DispatchService, events: &Events) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;

    #[act]
    publish_paid(events, 7, ADA).await?;

    #[assert]
    let assigned: Envelope = events.expect("delivery.assigned").await?.json()?;
    assert_eq!(assigned.event, Event::DeliveryAssigned { order: 7, courier: "Grace".to_owned() });
    assert_eq!(dispatch.couriers().await?[0].busy_with, Some(7));
    Ok(())
}

#[integration_test(workflow, covers("POST /couriers"))]
async fn order_waits_for_the_next_courier(dispatch: &DispatchService, events: &Events) -> Result<()> {
    #[act]
    publish_paid(events, 7, ADA).await?;
    #[assert]
    dispatch.wait_for(7, "waiting").await?;

    #[act]
    dispatch.hire("Grace").await?;
    #[assert]
    events.expect("delivery.assigned").json("/order", 7).await?;
    Ok(())
}

#[integration_test]
async fn courier_with_the_fewest_deliveries_is_chosen(
    dispatch: &DispatchService,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 1, ADA).await?;
    dispatch.complete(1).await?;
    mailbox.expect(ADA).await?;
    dispatch.hire("Edsger").await?;

    #[act]
    let courier = assigned(events, 2, ADA).await?;

    #[assert]
    assert_eq!(courier, "Edsger");
    Ok(())
}

#[integration_test]
async fn courier_who_has_delivered_gets_the_oldest_waiting_order(
    dispatch: &DispatchService,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    for order in [1, 2, 3] {
        publish_paid(events, order, ADA).await?;
    }
    events.expect("delivery.assigned").json("/order", 1).await?;
    dispatch.wait_for(3, "waiting").await?;

    #[act]
    dispatch.complete(1).await?;

    #[assert]
    events.expect("delivery.assigned").json("/order", 2).exactly(1).await?;
    assert_eq!(dispatch.delivery(3).await?.status, "waiting");
    mailbox.expect(ADA).await?;
    Ok(())
}

/// Brokers deliver at least once. The same event must not take a second courier, which the invariant
/// `busy_couriers_are_those_with_a_delivery` checks.
#[integration_test(covers("consume order.paid"))]
async fn duplicate_of_a_paid_order_takes_no_second_courier(
    dispatch: &DispatchService,
    events: &Events,
    #[values(2, 5)] deliveries: usize,
) -> Result<()> {
    #[arrange]
    for name in ["Grace", "Edsger", "Barbara"] {
        dispatch.hire(name).await?;
    }

    #[act]
    for _ in 0..deliveries {
        publish_paid(events, 7, ADA).await?;
    }
    eventually(async || events.delivered().len()).equals(deliveries).await?;
    eventually(async || events.unacknowledged().len()).equals(0).await?;

    #[assert]
    events.expect("delivery.assigned").json("/order", 7).await?;
    Ok(())
}

/// `publish_again` repeats a message of the code under test, as a relay does that has lost its confirmation.
#[integration_test(covers("publish delivery.assigned"))]
async fn events_of_dispatch_have_ids_that_differ(dispatch: &DispatchService, events: &Events) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    dispatch.hire("Edsger").await?;

    #[act]
    publish_paid(events, 1, ADA).await?;
    publish_paid(events, 2, ADA).await?;

    #[assert]
    let published = events.expect("delivery.assigned").exactly(2).await?;
    assert_ne!(published[0].at("/id"), published[1].at("/id"));
    Ok(())
}

#[integration_test]
async fn event_of_dispatch_itself_in_its_queue_is_a_dead_letter(
    _dispatch: &DispatchService,
    events: &Events,
) -> Result<()> {
    #[act("a wrong binding brings it there")]
    let event = Envelope { id: "dispatch-1".to_owned(), event: Event::DeliveryStarted { order: 7 } };
    events.publish(courier::broker::PAID_ORDERS).json(&event).await?;

    #[assert]
    let letter = events.expect_dead_letter(courier::broker::PAID_ORDERS).await?;
    letter.message().assert_json("/type", "delivery.started");
    Ok(())
}

#[integration_test(covers("consume order.paid"))]
async fn unreadable_order_is_a_dead_letter_and_the_next_one_is_assigned(
    dispatch: &DispatchService,
    events: &Events,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;

    #[act]
    events.publish("courier/order.paid").header("content-type", "application/json").text("{").await?;
    publish_paid(events, 7, ADA).await?;

    #[assert]
    let letter = events.expect_dead_letter(courier::broker::PAID_ORDERS).await?;
    letter.message().assert_header("content-type", "application/json");
    events.expect("delivery.assigned").json("/order", 7).await?;
    Ok(())
}

#[integration_test(covers("consume order.paid"))]
#[case::before_the_insert("INSERT INTO delivery")]
#[case::before_the_courier_is_busy("UPDATE courier")]
async fn paid_order_is_handled_again_after_a_failure_of_the_database(
    dispatch: &DispatchBehindProxy,
    events: &Events,
    proxy: &Proxy,
    #[case] on: &str,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    proxy.inject(Fault::ResetBefore).on(statement::containing(on)).first(1);

    #[act]
    publish_paid(events, 7, ADA).await?;

    #[assert]
    events.expect("delivery.assigned").json("/order", 7).exactly(1).await?;
    Ok(())
}

/// The transaction is committed, and dispatch does not know it: the event comes again, and the inbox has it.
#[integration_test(covers("consume order.paid"))]
async fn assignment_whose_commit_is_uncertain_is_made_once(
    dispatch: &DispatchBehindProxy,
    events: &Events,
    proxy: &Proxy,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    proxy.inject(Fault::ResetDuring).on(statement::matching("commits", |sql| sql == "COMMIT")).first(1);

    #[act]
    publish_paid(events, 7, ADA).await?;

    #[assert("the broker has delivered the event twice")]
    events.expect("delivery.assigned").json("/order", 7).exactly(1).await?;
    eventually(async || events.delivered().len()).equals(2).await?;
    Ok(())
}

/// Two instances with one queue and one database. The invariants say that no courier has two deliveries.
#[integration_test]
async fn two_instances_share_the_orders_without_giving_a_courier_two(
    setup: &DispatchSetup,
    events: &Events,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let (one, _other) = (setup.start(teardown).await?, setup.start(teardown).await?);
    one.hire("Grace").await?;
    one.hire("Edsger").await?;
    events.expect_consumers(courier::broker::PAID_ORDERS, 2).await?;

    #[act]
    publish_paid(events, 1, ADA).await?;
    publish_paid(events, 2, ADA).await?;

    #[assert]
    events.expect("delivery.assigned").exactly(2).await?;
    Ok(())
}
