//! What a test sees of the messages of the code under test.

use std::time::Duration;

use async_nats::HeaderMap;
use futures_util::StreamExt;
use itest::Message;
use itest::prelude::*;
use serde_json::json;

use crate::Bus;

#[integration_test]
async fn published_message_is_expected_with_its_body_and_headers(events: &Nats, bus: &Bus) -> Result<()> {
    #[act]
    let mut headers = HeaderMap::new();
    headers.insert("Trace-Id", "7");
    bus.0.publish_with_headers("order.paid", headers, r#"{"order": 7}"#.into()).await?;

    #[assert]
    let paid = events.expect("order.paid").await?;
    paid.assert_json("/order", 7).assert_header("trace-id", "7");
    assert_eq!(paid.json::<serde_json::Value>()?, json!({"order": 7}));
    assert_eq!(paid.topic(), "order.paid");
    Ok(())
}

#[integration_test]
async fn each_message_is_expected_once_and_by_pattern_and_conditions(events: &Nats, bus: &Bus) -> Result<()> {
    for (subject, body) in
        [("order.1.paid", r#"{"n":1}"#), ("order.2.paid", r#"{"n":2}"#), ("order.1.sent", r#"{"n":3}"#)]
    {
        bus.send(subject, body).await?;
    }
    events.expect("order.*.paid").json("/n", 2).await?;
    assert_eq!(events.expect("order.>").await?.at("/n"), 1);
    let last = events.expect("order.>").matching("is the last one", |message| message.at("/n") == 3).await?;
    assert_eq!(last.text(), r#"{"n":3}"#);
    events.expect_none("order.>");
    assert_eq!(events.published().len(), 3);
    Ok(())
}

#[integration_test]
async fn expectation_waits_for_a_message_that_comes_later(events: &Nats, bus: &Bus) -> Result<()> {
    let (expected, sent) = tokio::join!(async { events.expect("late").await }, async {
        tokio::task::yield_now().await;
        bus.send("late", "hi").await
    });
    sent?;
    assert_eq!(expected?.bytes(), b"hi");
    Ok(())
}

#[integration_test(flavor = "current_thread", start_paused = true)]
async fn paused_time_does_not_shorten_the_wait_for_a_message(events: &Nats) -> Result<()> {
    // The client runs in a thread with a clock of its own.
    let url = events.url().to_owned();
    let sending = std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let client = async_nats::connect(url).await?;
            client.publish("late", "hi".into()).await?;
            Ok(client.flush().await?)
        })
    });
    events.expect("late").await?;
    sending.join().map_err(|_| "the client has panicked")??;
    Ok(())
}

#[integration_test]
async fn missing_message_is_reported_with_those_that_were_published(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    bus.send("order.created", r#"{"order":7,"password":"hunter2"}"#).await?;

    #[act]
    let missing = events.expect("order.paid").json("/order", 7).within(Duration::from_millis(20)).await;

    #[assert]
    let text = missing.err().ok_or("a message was found")?.to_string();
    assert!(
        text.starts_with("no message on order.paid with /order = 7 within 20ms; published so far (1):\n"),
        "{text}"
    );
    assert!(text.contains(r#"order.created { "order": 7, "password": "***" }"#), "{text}");
    Ok(())
}

#[integration_test]
async fn number_of_messages_is_exact(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    for _ in 0..3 {
        bus.send("tick", "").await?;
    }
    events.expect("tick").await?;

    #[act]
    let both = events.expect("tick").exactly(2).await?;
    let third = events.expect("tick").within(Duration::from_millis(20)).exactly(1).await;

    #[assert]
    assert_eq!(both.len(), 2);
    assert!(third.err().ok_or("a message was found")?.to_string().starts_with("0 of 1 messages on tick within 20ms"));
    Ok(())
}

#[integration_test]
async fn surplus_message_is_an_error(events: &Nats, bus: &Bus) -> Result<()> {
    for _ in 0..3 {
        bus.send("tick", "").await?;
    }
    eventually(async || events.published().len()).until(|count| *count == 3).await?;
    let surplus = events.expect("tick").exactly(2).await.err().ok_or("there is no error")?.to_string();
    assert!(surplus.starts_with("more than 2 messages on tick; the first of the others:"), "{surplus}");
    Ok(())
}

#[integration_test]
async fn messages_of_the_test_reach_the_code_and_are_not_its_publications(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let mut consumer = bus.0.subscribe("order.*").await?;
    events.expect_consumers("order.created", 1).await?;

    #[act]
    events.publish("order.created").header("Trace-Id", 7).json(&json!({"order": 7})).await?;
    let received = consumer.next().await.ok_or("the subscription has ended")?;

    #[assert]
    assert_eq!(&*received.payload, br#"{"order":7}"#);
    assert_eq!(
        received.headers.and_then(|headers| headers.get("Trace-Id").map(ToString::to_string)).as_deref(),
        Some("7")
    );
    events.expect_none("order.created");
    let [delivered] = &events.delivered()[..] else { return Err("one message is delivered".into()) };
    delivered.assert_json("/order", 7);
    events.publish_again(delivered).await?;
    let again = consumer.next().await.ok_or("the subscription has ended")?;
    assert_eq!(again.payload, received.payload);
    Ok(())
}

#[integration_test]
async fn consumer_that_leaves_is_no_consumer_any_more(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let mut consumer = bus.0.subscribe("order.>").await?;
    let other = async_nats::connect(events.url()).await?;
    let _second = other.queue_subscribe("order.>", "workers".to_owned()).await?;
    other.flush().await?;
    events.expect_consumers("order.created", 2).await?;

    #[act]
    consumer.unsubscribe().await?;
    other.drain().await?;
    bus.0.flush().await?;

    #[assert]
    events.expect_consumers("order.created", 0).await?;
    Ok(())
}

#[integration_test]
async fn request_gets_its_reply_through_the_tap_and_a_missing_responder_is_noticed(
    events: &Nats,
    bus: &Bus,
) -> Result<()> {
    #[arrange]
    let mut requests = bus.0.subscribe("add").await?;
    let responder = bus.0.clone();
    let answering = tokio::spawn(async move {
        let request = requests.next().await?;
        responder.publish(request.reply?, "3".into()).await.ok()
    });

    #[act]
    let reply = bus.0.request("add", "1 2".into()).await?;
    let nothing = bus.0.request("subtract", "1 2".into()).await;

    #[assert]
    assert_eq!(&*reply.payload, b"3");
    assert!(answering.await?.is_some());
    // The tap is no subscriber, so the server tells the client that there is none.
    assert_eq!(nothing.err().ok_or("there is a reply")?.kind(), async_nats::RequestErrorKind::NoResponders);
    assert_eq!(events.published().iter().map(Message::topic).collect::<Vec<_>>(), ["add", "subtract"]);
    Ok(())
}

#[integration_test]
async fn delivery_of_a_stream_is_unacknowledged_until_the_code_acknowledges_it(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let consumer = bus.order_stream(Duration::from_secs(30)).await?;

    #[act]
    let mut messages = consumer.messages().await?;
    let message = messages.next().await.ok_or("no message")??;
    let before = events.unacknowledged();
    message.double_ack().await?;

    #[assert]
    assert_eq!(before.iter().map(Message::topic).collect::<Vec<_>>(), ["order.created"]);
    assert!(events.unacknowledged().is_empty());
    events.expect("order.created").await?;
    Ok(())
}

#[integration_test]
async fn last_of_many_messages_reaches_a_waiting_expectation(events: &Nats, bus: &Bus) -> Result<()> {
    const COUNT: usize = 20_000;
    let (last, sent) = tokio::join!(async { events.expect("last").within(Duration::from_secs(30)).await }, async {
        for _ in 0..COUNT {
            bus.0.publish("tick", "".into()).await?;
        }
        bus.send("last", "end").await
    });
    sent?;
    assert_eq!(last?.text(), "end");
    assert_eq!(events.published().len(), COUNT + 1);
    Ok(())
}

#[integration_test]
async fn large_message_passes_whole(events: &Nats, bus: &Bus) -> Result<()> {
    let body = vec![b'x'; 1_000_000];
    bus.0.publish("large", body.clone().into()).await?;
    assert!(events.expect("large").await?.bytes() == body);
    Ok(())
}

#[integration_test]
#[case::break_in_the_subject("a\r\nPUB b 0", "is no subject of NATS")]
#[case::empty("", "is no subject of NATS")]
async fn message_that_would_be_two_frames_is_refused(
    #[case] topic: &str,
    #[case] reason: &str,
    events: &Nats,
) -> Result<()> {
    let refused = events.publish(topic).text("hi").await.err().ok_or("it was published")?.to_string();
    assert!(refused.contains(reason), "{refused}");
    Ok(())
}

#[integration_test]
async fn messages_of_each_key_are_expected_in_their_order(events: &Nats, bus: &Bus) -> Result<()> {
    #[act]
    for body in [r#"{"item":"book","version":1}"#, r#"{"item":"pen","version":7}"#, r#"{"item":"book","version":2}"#] {
        bus.send("stock.changed", body).await?;
    }

    #[assert]
    let item = |message: &Message| message.at("/item").as_str().map(str::to_owned);
    let version = |message: &Message| message.at("/version").as_u64();
    let changes = events.expect("stock.*").by_key(item).ascending("the version", version).exactly(3).await?;
    let books = &changes[&Some("book".to_owned())];
    assert_eq!(books.iter().map(|message| message.at("/version")).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(changes[&Some("pen".to_owned())].len(), 1);
    Ok(())
}

#[integration_test]
async fn messages_of_a_key_that_are_not_in_order_are_reported(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    for body in [r#"{"item":7,"version":2}"#, r#"{"item":8,"version":1}"#, r#"{"item":7,"version":1}"#] {
        bus.send("stock.changed", body).await?;
    }
    let version = |message: &Message| message.at("/version").as_u64();

    #[act]
    let by_item = events.expect("stock.*").by_key(|message| message.at("/item").as_u64());
    let disorder = by_item.ascending("the version", version).exactly(3).await.err().ok_or("there is no error")?;

    #[assert]
    let text = disorder.to_string();
    let expected =
        "the messages on stock.* with the key Some(7) are not in order: the version is Some(1) after Some(2)\n  +";
    assert!(text.starts_with(expected) && text.ends_with(r#"stock.changed { "item": 7, "version": 1 }"#), "{text}");
    Ok(())
}

#[integration_test]
async fn consumer_that_leaves_after_two_messages_is_no_consumer_any_more(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    let mut consumer = bus.0.subscribe("order.*").await?;
    events.expect_consumers("order.created", 1).await?;
    events.publish("order.created").text("1").await?;
    consumer.next().await.ok_or("the subscription has ended")?;
    consumer.unsubscribe_after(2).await?;
    bus.0.flush().await?;
    events.expect_consumers("order.created", 1).await?;

    #[act]
    events.publish("order.created").text("2").await?;
    events.publish("order.created").text("3").await?;

    #[assert]
    events.expect_consumers("order.created", 0).await?;
    assert_eq!(events.delivered().len(), 2);
    Ok(())
}
