//! Tests whose messages fail them, and tests whose failure shows the messages.

use std::time::Duration;

use async_nats::jetstream;
use futures_util::StreamExt;
use itest::Fault;
use itest::prelude::*;

itest::main!();

/// The client of the code under test.
struct Bus(async_nats::Client);

#[fixture]
async fn bus(events: &Nats, teardown: &Teardown) -> Result<Bus> {
    let client = async_nats::connect(events.url()).await?;
    let drained = client.clone();
    teardown.defer("drain the client", async move { drained.drain().await });
    Ok(Bus(client))
}

impl Bus {
    /// Publishes a message, and waits until it has passed.
    async fn send(&self, events: &Nats, subject: &str, body: &'static str) -> Result<()> {
        let before = events.published().len();
        self.0.publish(subject.to_owned(), body.into()).await?;
        eventually(async || events.published().len()).until(|count| *count > before).await?;
        Ok(())
    }
}

#[integration_test]
async fn message_after_the_test_expects_none(events: &Nats, bus: &Bus) -> Result<()> {
    #[act]
    events.expect_none("order.cancelled");
    bus.send(events, "order.cancelled", r#"{"order":7,"token":"s3cret"}"#).await?;

    #[assert]
    assert_eq!(events.published().len(), 1);
    Ok(())
}

#[integration_test]
async fn surplus_message_that_comes_later(events: &Nats, bus: &Bus) -> Result<()> {
    bus.send(events, "order.paid", "1").await?;
    events.expect("order.paid").exactly(1).await?;
    bus.send(events, "order.paid", "2").await?;
    Ok(())
}

#[integration_test]
async fn missing_message(events: &Nats, bus: &Bus) -> Result<()> {
    bus.send(events, "order.created", r#"{"order":7,"token":"s3cret"}"#).await?;
    events.expect("order.paid").within(Duration::from_millis(10)).await?;
    Ok(())
}

#[integration_test]
async fn fault_that_no_message_gets(events: &Nats, bus: &Bus) -> Result<()> {
    events.inject(Fault::Duplicate).on_publication("order.paid");
    bus.send(events, "order.created", "1").await?;
    Ok(())
}

#[integration_test]
async fn fault_that_no_message_of_a_lenient_test_gets(events: &Nats, bus: &Bus) -> Result<()> {
    events.lenient();
    events.inject(Fault::Duplicate).on_publication("order.paid");
    events.expect_none("order.created");
    bus.send(events, "order.created", "1").await?;
    Ok(())
}

#[integration_test]
async fn delivery_without_an_acknowledgement(events: &Nats, bus: &Bus) -> Result<()> {
    let context = jetstream::new(bus.0.clone());
    let subjects = vec!["order.*".to_owned()];
    let config = jetstream::stream::Config { name: "ORDERS".to_owned(), subjects, ..Default::default() };
    let stream = context.create_stream(config).await?;
    let pull = jetstream::consumer::pull::Config { durable_name: Some("billing".to_owned()), ..Default::default() };
    let consumer = stream.create_consumer(pull).await?;
    context.publish("order.created", "7".into()).await?.await?;
    let mut messages = consumer.messages().await?;
    messages.next().await.ok_or("no message")??;
    assert_eq!(events.unacknowledged().len(), 1);
    Ok(())
}

/// A consumer that counts an order twice when its message is delivered twice.
#[integration_test]
async fn order_is_counted_once(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let mut orders = bus.0.subscribe("order.created").await?;
    events.expect_consumers("order.created", 1).await?;

    #[act]
    bus.0.publish("order.created", "7".into()).await?;
    orders.next().await.ok_or("the subscription has ended")?;
    let second = tokio::time::timeout(Duration::from_millis(100), orders.next()).await;

    #[assert]
    assert!(second.is_err(), "the order is counted twice");
    Ok(())
}
