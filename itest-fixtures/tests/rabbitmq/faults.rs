//! Faults of single messages, and of connections.

use std::time::Duration;

use itest::Fault;
use itest::prelude::*;
use lapin::options::{BasicAckOptions, BasicGetOptions};

use crate::bus::{Bus, next};

#[integration_test]
async fn duplicate_is_delivered_twice_with_the_same_headers(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    let mut consumer = bus.consume("payments").await?;
    events.inject(Fault::Duplicate).on_publication("order.paid");

    #[act]
    bus.send("shop", "order.paid", "7").await?;

    #[assert]
    let (first, second) = (next(&mut consumer).await?, next(&mut consumer).await?);
    second.ack(BasicAckOptions { multiple: true }).await?;
    assert_eq!((first.data, first.properties), (second.data, second.properties));
    events.expect("order.paid").exactly(1).await?;
    Ok(())
}

#[integration_test]
async fn message_is_redelivered_when_the_consumer_is_lost_before_its_acknowledgement(
    events: &Rabbit,
    bus: &Bus,
) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    events.inject(Fault::ResetAfter).on_delivery("order.paid").first(1);
    let lost = Bus::connect(events.url()).await?;
    let mut consumer = lost.consume("payments").await?;
    bus.send("shop", "order.paid", "7").await?;

    #[act]
    let first = next(&mut consumer).await?;
    let acknowledged = first.ack(BasicAckOptions::default()).await;
    let mut other = bus.consume("payments").await?;
    let second = next(&mut other).await?;

    #[assert]
    drop(acknowledged);
    assert!(second.redelivered);
    second.ack(BasicAckOptions::default()).await?;
    eventually(async || events.unacknowledged()).until(Vec::is_empty).await?;
    Ok(())
}

#[integration_test]
async fn reset_before_a_publication_loses_the_message(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    bus.confirm().await?;
    events.inject(Fault::ResetBefore).on_publication("order.paid");

    #[act]
    let sent = bus.send("shop", "order.paid", "7").await;

    #[assert]
    assert!(sent.is_err());
    assert!(events.published().is_empty());
    let other = Bus::connect(events.url()).await?;
    assert!(other.channel.basic_get("payments".into(), BasicGetOptions::default()).await?.is_none());
    Ok(())
}

#[integration_test]
async fn latency_delays_the_confirmation(events: &Rabbit, bus: &Bus) -> Result {
    const LATENCY: Duration = Duration::from_millis(200);
    bus.declare("shop", "payments", "order.*").await?;
    bus.confirm().await?;
    events.inject(Fault::Latency(LATENCY)).on_publication("order.paid");
    let began = std::time::Instant::now();
    bus.send("shop", "order.paid", "7").await?;
    assert!(began.elapsed() >= LATENCY);
    Ok(())
}
