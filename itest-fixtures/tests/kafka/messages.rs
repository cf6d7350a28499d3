//! What a test sees of the records of the code under test.

use std::time::Duration;

use itest::Message;
use itest::kafka::KafkaMessage;
use itest::prelude::*;
use rdkafka::Message as _;
use rdkafka::message::Headers;
use rdkafka::producer::FutureRecord;
use serde_json::json;

use crate::bus::{Bus, TIMEOUT, next};

#[integration_test]
async fn published_record_is_expected_with_its_key_value_and_headers(events: &Kafka, bus: &Bus) -> Result<()> {
    #[act]
    let topic = events.topic("orders").partitions(3).await?;
    bus.send(&topic, "order-7", r#"{"order": 7}"#).await?;

    #[assert]
    let paid = events.expect("orders").await?;
    paid.assert_json("/order", 7).assert_header("trace-id", "7");
    assert_eq!(paid.json::<serde_json::Value>()?, json!({"order": 7}));
    assert_eq!((paid.topic(), paid.key_text(), paid.offset()), ("orders", Some("order-7"), Some(0)));
    assert!(paid.partition().is_some_and(|partition| (0..3).contains(&partition)) && !paid.is_tombstone());
    Ok(())
}

#[integration_test]
async fn each_record_is_expected_once_and_by_conditions(events: &Kafka, bus: &Bus) -> Result<()> {
    let topic = events.topic("orders").await?;
    for (key, value) in [("a", r#"{"n":1}"#), ("b", r#"{"n":2}"#), ("a", r#"{"n":3}"#)] {
        bus.send(&topic, key, value).await?;
    }
    events.expect("orders").json("/n", 2).await?;
    // The full name means the same topic.
    assert_eq!(events.expect(&topic).await?.at("/n"), 1);
    events.expect("orders").matching("has the key a", |message| message.key_text() == Some("a")).await?;
    events.expect_none("orders");
    assert_eq!(events.published().len(), 3);
    Ok(())
}

#[integration_test]
async fn records_of_a_key_are_expected_in_their_order(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").partitions(4).await?;

    #[act]
    for number in 0..40 {
        bus.send(&topic, &format!("key-{}", number % 5), &number.to_string()).await?;
    }

    #[assert]
    let by_key = events.expect("orders").by_key(|record| record.key_text().map(str::to_owned));
    let number = |record: &Message| record.text().parse::<u32>().ok();
    let by_key = by_key.ascending("the number", number).exactly(40).await?;
    for key in 0..5 {
        let name = format!("key-{key}");
        let of_key = &by_key[&Some(name.clone())];
        let values: Vec<String> = of_key.iter().map(|record| record.text().into_owned()).collect();
        assert_eq!(values, (0..8).map(|turn| (turn * 5 + key).to_string()).collect::<Vec<_>>(), "{name}");
        assert!(of_key.iter().all(|record| record.partition() == of_key[0].partition()), "{name}");
    }
    Ok(())
}

#[integration_test]
async fn missing_record_is_reported_with_those_that_were_published(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").await?;
    let nothing = events.expect("orders").within(Duration::from_millis(20)).await;
    bus.send(&topic, "k", r#"{"order":7,"password":"hunter2"}"#).await?;
    eventually(async || events.published().len()).until(|count| *count == 1).await?;

    #[act]
    let missing = events.expect("orders").json("/order", 8).within(Duration::from_millis(20)).await;

    #[assert]
    let nothing = nothing.err().ok_or("a record was expected")?.to_string();
    assert_eq!(
        nothing,
        "no message on orders within 20ms; the code under test has published nothing on the topics of the test (orders); it must use the \
         names that `topic` returns"
    );
    let missing = missing.err().ok_or("a record was expected")?.to_string();
    assert!(
        missing.starts_with("no message on orders with /order = 8 within 20ms; published so far (1):\n"),
        "{missing}"
    );
    assert!(missing.contains(r#"orders { "order": 7, "password": "***" }"#), "{missing}");
    Ok(())
}

#[integration_test]
async fn surplus_record_is_an_error(events: &Kafka, bus: &Bus) -> Result<()> {
    let topic = events.topic("orders").await?;
    for _ in 0..3 {
        bus.send(&topic, "k", "").await?;
    }
    eventually(async || events.published().len()).until(|count| *count == 3).await?;
    let surplus = events.expect("orders").exactly(2).await.err().ok_or("there is no error")?.to_string();
    assert!(surplus.starts_with("more than 2 messages on orders; the first of the others:"), "{surplus}");
    Ok(())
}

#[integration_test]
async fn records_of_the_test_reach_the_code_and_are_not_its_publications(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").partitions(2).await?;
    let consumer = bus.subscribe(&topic, events.group("billing").name())?;

    #[act]
    events.publish("orders").key("7").header("Trace-Id", 9).json(&json!({"order": 7})).await?;
    events.publish("orders").key("7").tombstone().await?;
    bus.send(&topic, "8", "of the code").await?;

    #[assert]
    let (mut values, mut keys) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let message = next(&consumer).await?;
        let header = message.headers().map(|headers| headers.get(0).value.unwrap_or_default().to_vec());
        values.push((message.payload().map(<[u8]>::to_vec), header));
        keys.push(message.key().unwrap_or_default().to_vec());
    }
    assert!(values.contains(&(Some(br#"{"order":7}"#.to_vec()), Some(b"9".to_vec()))), "{values:?}");
    assert!(values.iter().any(|(value, _)| value.is_none()), "{values:?}");
    assert_eq!(keys.iter().filter(|key| *key == b"7").count(), 2);
    assert_eq!(events.expect("orders").exactly(1).await?[0].text(), "of the code");
    Ok(())
}

#[integration_test]
async fn record_that_is_published_again_is_a_duplicate_for_the_code(events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").partitions(3).await?;
    let consumer = bus.subscribe(&topic, events.group("billing").name())?;
    bus.send(&topic, "7", "paid").await?;
    let first = next(&consumer).await?;

    #[act]
    events.publish_again(&events.expect("orders").await?).await?;

    #[assert]
    let second = next(&consumer).await?;
    assert_eq!((second.key(), second.payload()), (first.key(), first.payload()));
    assert_eq!((second.partition(), second.offset()), (first.partition(), first.offset() + 1));
    events.expect_none("orders");
    Ok(())
}

#[integration_test]
#[case::snappy("snappy")]
#[case::lz4("lz4")]
async fn compressed_records_are_read(#[case] compression: &str, events: &Kafka, bus: &Bus) -> Result<()> {
    #[arrange]
    let topic = events.topic("orders").await?;
    let producer = bus.producer_with("compression.type", compression)?;
    let value = "a text that is worth its compression ".repeat(100);

    #[act]
    producer.send(FutureRecord::to(&topic).key("k").payload(&value), TIMEOUT).await.map_err(|(error, _)| error)?;

    #[assert]
    assert_eq!(events.expect("orders").await?.text(), value);
    Ok(())
}

#[integration_test]
async fn last_of_many_records_reaches_a_waiting_expectation(events: &Kafka, bus: &Bus) -> Result<()> {
    const COUNT: usize = 5_000;
    let topic = events.topic("ticks").partitions(4).await?;
    let (last, sent) = tokio::join!(
        async {
            events
                .expect("ticks")
                .matching("is the last one", |message| message.text() == "end")
                .within(TIMEOUT * 3)
                .await
        },
        async {
            let send =
                |value: String| bus.producer.send_result(FutureRecord::<str, str>::to(&topic).payload(&value)).is_ok();
            for number in 0..COUNT {
                while !send(number.to_string()) {
                    tokio::task::yield_now().await;
                }
            }
            bus.send(&topic, "k", "end").await
        }
    );
    sent?;
    last?;
    eventually(async || events.published().len()).until(|count| *count == COUNT + 1).await?;
    Ok(())
}

#[integration_test]
async fn publishing_on_a_topic_that_the_test_has_not_made_is_an_error(events: &Kafka) -> Result<()> {
    events.topic("orders").await?;
    let error = events.publish("order").text("7").await.err().ok_or("it was published")?.to_string();
    assert_eq!(error, "the test has no topic order; call `topic(\"order\")` first; its topics: orders");
    Ok(())
}

#[integration_test]
async fn publishing_to_a_partition_that_does_not_exist_is_an_error(events: &Kafka) -> Result<()> {
    let topic = events.topic("orders").partitions(2).await?;
    let error = events.publish("orders").partition(2).text("7").await.err().ok_or("it was published")?.to_string();
    assert_eq!(error, format!("cannot use partition 2 of the topic {topic}: it has 2 partitions, numbered from 0"));
    Ok(())
}

#[integration_test]
async fn name_that_kafka_does_not_accept_is_an_error(events: &Kafka) -> Result<()> {
    let error = events.topic("a topic").await.err().ok_or("it was made")?.to_string();
    assert!(error.contains("\"a topic\" is no name of Kafka: use 1 to "), "{error}");
    Ok(())
}
