//! What a test sees of the messages of the code under test.

use std::time::Duration;

use itest::prelude::*;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicRejectOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Confirmation};
use serde_json::json;

use crate::bus::{Bus, next};

#[integration_test]
async fn published_message_is_expected_with_its_body_and_headers(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    let mut headers = FieldTable::default();
    headers.insert("attempt".into(), AMQPValue::LongInt(3));
    let properties = BasicProperties::default().with_headers(headers).with_message_id("m1".into());

    #[act]
    bus.send_with("shop", "order.paid", r#"{"order": 7}"#, properties).await?;

    #[assert]
    let paid = events.expect("order.paid").await?;
    paid.assert_json("/order", 7).assert_header("attempt", "3").assert_header("message-id", "m1");
    assert_eq!(paid.json::<serde_json::Value>()?, json!({"order": 7}));
    assert_eq!(paid.topic(), "shop/order.paid");
    Ok(())
}

#[integration_test]
async fn each_message_is_expected_once_and_by_exchange_pattern_and_conditions(events: &Rabbit, bus: &Bus) -> Result {
    bus.declare("shop", "all", "#").await?;
    for (key, body) in [("order.1.paid", r#"{"n":1}"#), ("order.2.paid", r#"{"n":2}"#), ("order.1.sent", r#"{"n":3}"#)]
    {
        bus.send("shop", key, body).await?;
    }
    events.expect("order.*.paid").json("/n", 2).await?;
    assert_eq!(events.expect("shop/order.#").await?.at("/n"), 1);
    let last = events.expect("order.#").matching("is the last one", |message| message.at("/n") == 3).await?;
    assert_eq!(last.text(), r#"{"n":3}"#);
    events.expect_none("order.#");
    assert_eq!(events.published().len(), 3);
    Ok(())
}

#[integration_test]
async fn messages_of_the_test_reach_the_code_and_are_not_its_publications(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    let mut consumer = bus.consume("payments").await?;
    events.expect_consumers("payments", 1).await?;

    #[act]
    events.publish("shop/order.created").header("trace", 7).header("type", "order").json(&json!({"order": 7})).await?;
    let received = next(&mut consumer).await?;
    received.ack(BasicAckOptions::default()).await?;

    #[assert]
    assert_eq!(received.data, br#"{"order":7}"#);
    assert_eq!(received.properties.kind().as_ref().map(ShortString::as_str), Some("order"));
    events.expect_none("order.created");
    let [delivered] = &events.delivered()[..] else { return Err("one message is delivered".into()) };
    delivered.assert_json("/order", 7).assert_header("trace", "7");
    events.publish_again(delivered).await?;
    let again = next(&mut consumer).await?;
    again.ack(BasicAckOptions::default()).await?;
    assert_eq!((again.data, again.properties), (received.data, received.properties));
    Ok(())
}

#[integration_test]
#[case::no_binding("shop/order.lost", "no queue gets it")]
#[case::no_queue("nothing", "no queue gets it")]
#[case::no_exchange("nowhere/order", "no exchange 'nowhere'")]
async fn message_of_the_test_that_reaches_no_queue_is_an_error(
    #[case] topic: &str,
    #[case] reason: &str,
    events: &Rabbit,
    bus: &Bus,
) -> Result {
    bus.declare("shop", "payments", "order.paid").await?;
    let refused = events.publish(topic).text("hi").await.err().ok_or("it was published")?.to_string();
    assert!(refused.contains(reason), "{refused}");
    events.publish("shop/order.paid").text("hi").await
}

#[integration_test]
async fn delivery_is_unacknowledged_until_the_code_settles_it(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    for _ in 0..3 {
        bus.send("shop", "order.paid", "7").await?;
    }
    let mut consumer = bus.consume("payments").await?;

    #[act]
    let (first, second, third) = (next(&mut consumer).await?, next(&mut consumer).await?, next(&mut consumer).await?);
    let before = events.unacknowledged().len();
    second.ack(BasicAckOptions { multiple: true }).await?;
    third.reject(BasicRejectOptions { requeue: false }).await?;

    #[assert]
    assert_eq!((before, first.redelivered), (3, false));
    eventually(async || events.unacknowledged()).until(Vec::is_empty).await?;
    events.expect("order.paid").exactly(3).await?;
    Ok(())
}

#[integration_test]
async fn single_messages_and_automatic_acknowledgements_are_seen(events: &Rabbit, bus: &Bus) -> Result {
    bus.declare("shop", "payments", "order.*").await?;
    for _ in 0..2 {
        bus.send("shop", "order.paid", "7").await?;
    }
    let automatic = bus.channel.basic_get("payments".into(), BasicGetOptions { no_ack: true }).await?;
    assert!(automatic.is_some());
    assert!(events.unacknowledged().is_empty());
    let manual = bus.channel.basic_get("payments".into(), BasicGetOptions::default()).await?.ok_or("no message")?;
    assert_eq!(events.unacknowledged().len(), 1);
    manual.ack(BasicAckOptions::default()).await?;
    assert!(bus.channel.basic_get("payments".into(), BasicGetOptions::default()).await?.is_none());
    assert_eq!(events.delivered().len(), 2);
    Ok(())
}

#[integration_test]
async fn consumer_that_leaves_is_no_consumer_any_more(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.*").await?;
    let consumer = bus.consume("payments").await?;
    let channel = bus.connection.create_channel().await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let _second = channel.basic_consume("payments".into(), "second".into(), options, arguments).await?;
    events.expect_consumers("payments", 2).await?;

    #[act]
    bus.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
    channel.close(200, "".into()).await?;

    #[assert]
    events.expect_consumers("payments", 0).await?;
    Ok(())
}

#[integration_test]
async fn confirmations_and_returns_reach_a_client_that_asks_for_them(events: &Rabbit, bus: &Bus) -> Result {
    #[arrange]
    bus.declare("shop", "payments", "order.paid").await?;
    bus.confirm().await?;
    events.allow_unroutable("order.*");
    let publish = async |key: &str, options: BasicPublishOptions| {
        let properties = BasicProperties::default();
        let sent = bus.channel.basic_publish("shop".into(), key.into(), options, b"7", properties).await?;
        Ok::<_, itest::Error>(sent.await?)
    };

    #[act]
    let routed = publish("order.paid", BasicPublishOptions::default()).await?;
    let lost = publish("order.lost", BasicPublishOptions::default()).await?;
    let mandatory = publish("order.mandatory", BasicPublishOptions { mandatory: true, ..Default::default() }).await?;

    #[assert]
    assert!(matches!(routed, Confirmation::Ack(None)), "{routed:?}");
    assert!(matches!(lost, Confirmation::Ack(None)), "{lost:?}");
    assert!(matches!(mandatory, Confirmation::Ack(Some(_))), "{mandatory:?}");
    let topics: Vec<String> = events.unroutable().iter().map(|message| message.topic().to_owned()).collect();
    assert_eq!(topics, ["shop/order.lost", "shop/order.mandatory"]);
    Ok(())
}

#[integration_test]
async fn large_message_passes_whole(events: &Rabbit, bus: &Bus) -> Result {
    bus.declare("shop", "large", "large").await?;
    let body = "x".repeat(3_000_000);
    bus.send("shop", "large", &body).await?;
    assert!(events.expect("large").await?.text() == body);
    events.publish("large").text(body.clone()).await?;
    let mut consumer = bus.consume("large").await?;
    for _ in 0..2 {
        let delivery = next(&mut consumer).await?;
        assert!(delivery.data == body.as_bytes());
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

#[integration_test]
async fn last_of_many_messages_reaches_a_waiting_expectation(events: &Rabbit, bus: &Bus) -> Result {
    const COUNT: usize = 20_000;
    bus.declare("shop", "all", "#").await?;
    let (last, sent) = tokio::join!(async { events.expect("last").within(Duration::from_mins(1)).await }, async {
        for _ in 0..COUNT {
            bus.send("shop", "tick", "").await?;
        }
        bus.send("shop", "last", "end").await
    });
    sent?;
    assert_eq!(last?.text(), "end");
    assert_eq!(events.published().len(), COUNT + 1);
    Ok(())
}

#[integration_test]
async fn messages_of_each_key_are_expected_in_their_order(events: &Rabbit, bus: &Bus) -> Result {
    bus.declare("shop", "payments", "order.*").await?;
    for (key, body) in [("order.7", "1"), ("order.8", "9"), ("order.7", "2")] {
        bus.send("shop", key, body).await?;
    }
    let steps = events.expect("order.*").by_key(|message| message.topic().to_owned());
    let steps = steps.ascending("the body", |message| message.text().into_owned()).exactly(3).await?;
    assert_eq!((steps["shop/order.7"].len(), steps["shop/order.8"].len()), (2, 1));
    Ok(())
}
