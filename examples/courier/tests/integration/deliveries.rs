//! Couriers and their deliveries, over HTTP, with the cache of what customers see.

use std::time::Duration;

use itest::prelude::*;
use itest::redis::Redis;
use itest::{ConnectionFault, Fault, statement};

use crate::behind_proxy::DispatchBehindProxy;
use crate::fixtures::{ADA, DispatchService, DispatchSetup, Events, assigned};

#[integration_test(covers("POST /couriers", "GET /couriers"))]
async fn new_courier_is_free_and_has_no_deliveries(dispatch: &DispatchService) -> Result<()> {
    #[act]
    dispatch.hire("Grace").await?;

    #[assert]
    let couriers = dispatch.couriers().await?;
    assert_eq!((couriers[0].name.as_str(), couriers[0].busy_with, couriers[0].delivered), ("Grace", None, 0));
    Ok(())
}

#[integration_test(covers("POST /couriers"))]
async fn name_of_a_courier_is_unique(dispatch: &DispatchService) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;

    #[act]
    let again = dispatch.client.post("/couriers").json(&serde_json::json!({ "name": "Grace" })).await?;

    #[assert]
    again.assert_status(409).assert_json("/error", "name-taken");
    Ok(())
}

#[integration_test(covers("GET /deliveries/{order}"))]
async fn unknown_delivery_is_not_found(dispatch: &DispatchService, redis: &Redis) -> Result<()> {
    #[act]
    let response = dispatch.client.get("/deliveries/7").await?;

    #[assert("and the cache does not remember it")]
    response.assert_status(404);
    redis.key("delivery:7").read().await?.assert_missing();
    Ok(())
}

#[integration_test(covers("POST /deliveries/{order}/deliver"))]
async fn delivery_cannot_end_before_it_has_started(dispatch: &DispatchService, events: &Events) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;

    #[act]
    let response = dispatch.deliver(7).await?;

    #[assert]
    response.assert_status(409).assert_json("/message", "the delivery is assigned");
    events.expect_none("delivery.delivered");
    Ok(())
}

#[integration_test(covers("POST /deliveries/{order}/start", "POST /deliveries/{order}/deliver"))]
async fn courier_may_press_each_button_twice(
    dispatch: &DispatchService,
    events: &Events,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;

    #[act]
    for _ in 0..2 {
        dispatch.start(7).await?.assert_status(204);
    }
    for _ in 0..2 {
        dispatch.deliver(7).await?.assert_status(204);
    }

    #[assert("everything has happened once; a second mail would fail the test")]
    events.expect("delivery.started").exactly(1).await?;
    events.expect("delivery.delivered").exactly(1).await?;
    mailbox.expect(ADA).await?;
    assert_eq!(dispatch.couriers().await?[0].delivered, 1);
    Ok(())
}

/// The transaction that records the delivery fails, so the delivery may not be counted: the invariant `deliveries_of_couriers_are_counted`.
#[integration_test(covers("POST /deliveries/{order}/deliver"))]
async fn delivery_that_is_rolled_back_is_not_counted(
    dispatch: &DispatchBehindProxy,
    events: &Events,
    proxy: &Proxy,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;
    dispatch.start(7).await?.assert_status(204);
    proxy.inject(Fault::ResetBefore).on(statement::containing("UPDATE delivery SET status = 'delivered'")).first(1);

    #[act]
    let response = dispatch.deliver(7).await?;

    #[assert]
    response.assert_status(503);
    Ok(())
}

#[integration_test(covers("GET /deliveries/{order}"))]
async fn customer_sees_the_courier_and_the_cache_has_it(
    dispatch: &DispatchService,
    events: &Events,
    redis: &Redis,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;

    #[act]
    let delivery = dispatch.delivery(7).await?;

    #[assert]
    assert_eq!((delivery.status.as_str(), delivery.courier.as_deref()), ("assigned", Some("Grace")));
    redis.key("delivery:7").read().await?.assert_json("/status", "assigned").assert_json("/courier", "Grace");
    Ok(())
}

#[integration_test(covers("GET /deliveries/{order}"))]
async fn cache_forgets_after_a_minute(dispatch: &DispatchService, events: &Events, redis: &Redis) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;

    #[act]
    dispatch.delivery(7).await?;

    #[assert]
    let cached = redis.key("delivery:7").read().await?;
    cached.assert_ttl(Duration::from_secs(50)..=Duration::from_mins(1));
    Ok(())
}

/// The statements that pass the proxy show who answers: the database, or the cache.
#[integration_test(covers("GET /deliveries/{order}"))]
async fn second_reader_is_answered_by_the_cache(
    dispatch: &DispatchBehindProxy,
    events: &Events,
    proxy: &Proxy,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;
    dispatch.delivery(7).await?;

    #[act]
    let again = dispatch.delivery(7).await?;

    #[assert]
    assert_eq!(again.status, "assigned");
    proxy.statements().during(itest::Phase::Act).beginning_with(&["SELECT order_id, status, name"]).assert_at_most(0);
    Ok(())
}

#[integration_test(covers("GET /deliveries/{order}"))]
async fn customer_sees_a_change_at_once(dispatch: &DispatchService, events: &Events) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;
    dispatch.delivery(7).await?;

    #[act]
    dispatch.start(7).await?.assert_status(204);

    #[assert]
    assert_eq!(dispatch.delivery(7).await?.status, "started");
    Ok(())
}

/// The cache is gone, slow, or never answers: the customer does not notice.
#[integration_test(covers("GET /deliveries/{order}"))]
#[case::refuses_connections(None)]
#[case::resets_connections(Some(ConnectionFault::ResetOnConnect))]
#[case::never_answers(Some(ConnectionFault::HalfOpen))]
async fn customer_sees_the_delivery_without_the_cache(
    setup: &DispatchSetup,
    redis: &Redis,
    events: &Events,
    proxy: &Proxy,
    teardown: &Teardown,
    #[case] fault: Option<ConnectionFault>,
) -> Result<()> {
    #[arrange]
    let dispatch = DispatchSetup { redis: redis.through(proxy)?, ..setup.clone() }.start(teardown).await?;
    dispatch.hire("Grace").await?;
    match fault {
        Some(fault) => drop(proxy.inject_into_connections(fault).on_every_connection()),
        None => proxy.refuse_connections().await?,
    }
    assigned(events, 7, ADA).await?;

    #[act(within = "5s")]
    let response = dispatch.client.get("/deliveries/7").await?;

    #[assert]
    response.assert_status(200).assert_json("/courier", "Grace");
    Ok(())
}

/// Other software may write into the same Redis.
#[integration_test(covers("GET /deliveries/{order}"))]
async fn damaged_entry_of_the_cache_is_ignored(
    dispatch: &DispatchService,
    events: &Events,
    redis: &Redis,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;
    let mut connection = redis.connection().await?;
    let _: () = itest::redis::AsyncCommands::set(&mut connection, "delivery:7", "{").await?;

    #[act]
    let delivery = dispatch.delivery(7).await?;

    #[assert("and replaced")]
    assert_eq!(delivery.courier.as_deref(), Some("Grace"));
    redis.key("delivery:7").read().await?.assert_json("/courier", "Grace");
    Ok(())
}
