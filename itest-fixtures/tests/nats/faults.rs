//! Faults of messages.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use futures_util::StreamExt;
use itest::Fault;
use itest::prelude::*;

use crate::Bus;

#[integration_test]
async fn duplicate_is_delivered_twice_and_published_once(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let mut consumer = bus.0.subscribe("order.paid").await?;
    events.inject(Fault::Duplicate).on_publication("order.*").first(1);

    #[act]
    bus.send("order.paid", "7").await?;
    bus.send("order.paid", "8").await?;

    #[assert]
    let received: Vec<String> =
        consumer.by_ref().take(3).map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect().await;
    assert_eq!(received, ["7", "7", "8"]);
    assert_eq!(events.published().len(), 2);
    Ok(())
}

#[integration_test]
async fn duplicate_of_a_request_asks_for_a_reply_too(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let requests = bus.0.subscribe("add").await?;
    events.inject(Fault::Duplicate).on_publication("add");

    #[act]
    bus.0.publish_with_reply("add", "answers", "1 2".into()).await?;

    #[assert]
    let replies: Vec<_> = requests.take(2).map(|request| request.reply.map(|reply| reply.to_string())).collect().await;
    assert_eq!(replies, [Some("answers".to_owned()), Some("answers".to_owned())]);
    Ok(())
}

#[integration_test]
async fn message_is_late_by_its_latency(events: &Nats, bus: &Bus) -> Result<()> {
    const LATENCY: Duration = Duration::from_millis(50);
    #[arrange]
    let mut consumer = bus.0.subscribe("order.paid").await?;
    events.expect_consumers("order.paid", 1).await?;
    events.inject(Fault::Latency(LATENCY)).on_delivery("order.paid");

    #[act]
    let began = Instant::now();
    events.publish("order.paid").await?;
    consumer.next().await.ok_or("the subscription has ended")?;

    #[assert]
    assert!(began.elapsed() >= LATENCY);
    Ok(())
}

#[integration_test]
async fn message_before_which_the_connection_is_reset_never_reaches_the_server(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let other = async_nats::connect(events.url()).await?;
    let _consumer = other.subscribe("order.*").await?;
    other.flush().await?;
    events.inject(Fault::ResetBefore).on_publication("order.lost").first(1);

    #[act]
    bus.0.publish("order.lost", "1".into()).await?;
    // The client connects again by itself, and loses what it sends until then.
    let resend = async || {
        bus.send("order.next", "2").await.ok()?;
        events.delivered().first().cloned()
    };
    let received = eventually(resend).until(Option::is_some).await?.ok_or("nothing was received")?;

    #[assert]
    assert_eq!(received.topic(), "order.next");
    assert!(events.published().iter().all(|message| message.topic() == "order.next"));
    other.drain().await?;
    Ok(())
}

#[integration_test]
async fn consumer_that_is_cut_off_before_its_acknowledgement_gets_the_message_again(
    events: &Nats,
    bus: &Bus,
) -> Result<()> {
    #[arrange]
    let consumer = bus.order_stream(Duration::from_millis(200)).await?;
    events.inject(Fault::ResetAfter).on_delivery("order.created").first(1);

    #[act]
    let mut messages = consumer.messages().await?;
    let _lost = messages.next().await.ok_or("no message")?;
    drop(messages);
    // The service is started again.
    let restarted = async_nats::connect(events.url()).await?;
    let again = jetstream::new(restarted.clone());
    let consumer: jetstream::consumer::PullConsumer = again.get_consumer_from_stream("billing", "ORDERS").await?;
    let fetch = async || {
        let mut batch = consumer.fetch().max_messages(1).expires(Duration::from_millis(300)).messages().await.ok()?;
        batch.next().await?.ok()
    };
    let again = eventually(fetch).until(Option::is_some).await?.ok_or("no message")?;
    again.double_ack().await?;

    #[assert]
    assert_eq!(again.payload, "7");
    assert_eq!(events.delivered().len(), 2);
    assert!(events.unacknowledged().is_empty(), "{:?}", events.unacknowledged());
    restarted.drain().await?;
    Ok(())
}

#[integration_test]
#[case::of_http(Fault::Status(503), "status-503 is no fault of a publication")]
#[case::of_a_delivery(Fault::ResetAfter, "reset-after is no fault of a publication")]
fn fault_that_does_not_apply_is_refused(#[case] fault: Fault, #[case] reason: &str, events: &Nats) -> Result<()> {
    let injecting = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        events.inject(fault).on_publication("a");
    }));
    let panic = injecting.err().ok_or("the fault is injected")?;
    let text = panic.downcast_ref::<String>().ok_or("no text")?;
    assert!(text.starts_with(reason), "{text}");
    Ok(())
}
