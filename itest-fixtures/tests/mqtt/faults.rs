//! Faults of messages.

use std::time::{Duration, Instant};

use itest::Fault;
use itest::prelude::*;

use crate::bus::{Device, options};

#[integration_test]
async fn duplicate_is_delivered_twice_and_published_once(events: &Mqtt, mut device: Device) -> Result<()> {
    #[arrange]
    device.subscribe("order/paid", events, "order/paid").await?;
    events.inject(Fault::Duplicate).on_publication("order/+").first(1);

    #[act]
    device.send("order/paid", "7").await?;
    device.send("order/paid", "8").await?;

    #[assert]
    let mut received = Vec::new();
    for _ in 0..3 {
        received.push(device.next().await?.payload);
    }
    assert_eq!(received, ["7", "7", "8"]);
    assert_eq!(events.published().len(), 2);
    Ok(())
}

#[integration_test]
async fn message_is_late_by_its_latency(events: &Mqtt, mut device: Device) -> Result<()> {
    const LATENCY: Duration = Duration::from_millis(50);
    #[arrange]
    device.subscribe("order/paid", events, "order/paid").await?;
    events.inject(Fault::Latency(LATENCY)).on_delivery("order/paid");

    #[act]
    let began = Instant::now();
    events.publish("order/paid").await?;
    device.next().await?;

    #[assert]
    assert!(began.elapsed() >= LATENCY);
    Ok(())
}

#[integration_test]
async fn message_before_which_the_connection_is_reset_never_reaches_the_broker(
    events: &Mqtt,
    device: &Device,
) -> Result<()> {
    #[arrange]
    let mut other = Device::new(events);
    other.subscribe("order/+", events, "order/lost").await?;
    events.inject(Fault::ResetBefore).on_publication("order/lost").first(1);

    #[act]
    // The session of the client ends with its connection, so the client does not send the message again.
    device.send("order/lost", "1").await?;
    let third = Device::new(events);
    third.send("order/next", "2").await?;
    let received = other.next().await?;

    #[assert]
    assert_eq!(received.topic, "order/next");
    assert!(events.published().iter().all(|message| message.topic() == "order/next"));
    Ok(())
}

#[integration_test]
async fn consumer_that_is_cut_off_before_its_acknowledgement_gets_the_message_again(events: &Mqtt) -> Result<()> {
    #[arrange]
    let mut options = options(events, "billing");
    options.set_clean_session(false).set_manual_acks(true);
    let mut device = Device::with(options);
    device.subscribe("order/created", events, "order/created").await?;
    events.inject(Fault::ResetAfter).on_delivery("order/created").first(1);

    #[act]
    events.publish("order/created").text("7").await?;
    let lost = device.next().await?;
    let again = device.next().await?;
    device.client.ack(&again).await?;

    #[assert]
    assert!(!lost.dup && again.dup);
    assert_eq!(again.payload, "7");
    eventually(async || events.unacknowledged().len()).until(|count| *count == 0).await?;
    assert_eq!(events.delivered().len(), 2);
    // The session of the client has kept its subscription.
    events.expect_consumers("order/created", 1).await?;
    Ok(())
}
