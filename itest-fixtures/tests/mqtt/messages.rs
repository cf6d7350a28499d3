//! What a test sees of the messages of the code under test.

use std::time::Duration;

use itest::prelude::*;
use rumqttc::QoS;
use rumqttc::v5;
use serde_json::json;

use crate::bus::{Device, options};

#[integration_test]
#[case::at_most_once(QoS::AtMostOnce)]
#[case::at_least_once(QoS::AtLeastOnce)]
#[case::exactly_once(QoS::ExactlyOnce)]
async fn published_message_is_expected_with_its_body(
    #[case] quality: QoS,
    events: &Mqtt,
    device: &Device,
) -> Result<()> {
    device.client.publish("order/paid", quality, false, r#"{"order": 7}"#).await?;
    let paid = events.expect("order/paid").exactly(1).await?;
    paid[0].assert_json("/order", 7);
    assert_eq!(paid[0].topic(), "order/paid");
    Ok(())
}

#[integration_test]
async fn user_properties_of_version_5_are_headers_in_both_directions(events: &Mqtt) -> Result<()> {
    #[arrange]
    let address = events.address();
    let (client, mut connection) =
        v5::AsyncClient::new(v5::MqttOptions::new("five", address.ip().to_string(), address.port()), 10);
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let serving = tokio::spawn(async move {
        while let Ok(event) = connection.poll().await {
            if let v5::Event::Incoming(v5::Incoming::Publish(message)) = event {
                let _ = sender.send(message);
            }
        }
    });
    client.subscribe("order/created", v5::mqttbytes::QoS::AtLeastOnce).await?;
    events.expect_consumers("order/created", 1).await?;

    #[act]
    let properties = v5::mqttbytes::v5::PublishProperties {
        user_properties: vec![("Trace-Id".to_owned(), "7".to_owned())],
        ..Default::default()
    };
    client.publish_with_properties("order/paid", v5::mqttbytes::QoS::AtLeastOnce, false, "hi", properties).await?;
    events.publish("order/created").header("Trace-Id", 8).text("yo").await?;

    #[assert]
    events.expect("order/paid").header("trace-id", "7").await?;
    let message = received.recv().await.ok_or("the client has ended")?;
    let headers = message.properties.ok_or("the message has no properties")?.user_properties;
    assert_eq!(headers, [("Trace-Id".to_owned(), "8".to_owned())]);
    serving.abort();
    Ok(())
}

#[integration_test]
async fn each_message_is_expected_once_and_by_filter_and_conditions(events: &Mqtt, device: &Device) -> Result<()> {
    for (topic, body) in
        [("order/1/paid", r#"{"n":1}"#), ("order/2/paid", r#"{"n":2}"#), ("order/1/sent", r#"{"n":3}"#)]
    {
        device.send(topic, body).await?;
    }
    events.expect("order/+/paid").json("/n", 2).await?;
    assert_eq!(events.expect("order/#").await?.at("/n"), 1);
    let last = events.expect("#").matching("is the last one", |message| message.at("/n") == 3).await?;
    assert_eq!(last.text(), r#"{"n":3}"#);
    events.expect_none("order/#");
    assert_eq!(events.published().len(), 3);
    Ok(())
}

#[integration_test]
async fn missing_message_is_reported_with_those_that_were_published(events: &Mqtt, device: &Device) -> Result<()> {
    #[arrange]
    device.send("order/created", r#"{"order":7,"password":"hunter2"}"#).await?;
    events.expect("order/created").await?;

    #[act]
    let missing = events.expect("order/paid").within(Duration::from_millis(20)).await;

    #[assert]
    let text = missing.err().ok_or("a message was there")?.to_string();
    assert!(text.starts_with("no message on order/paid within 20ms; published so far (1):\n"), "{text}");
    assert!(text.contains(r#"order/created { "order": 7, "password": "***" }"#), "{text}");
    Ok(())
}

#[integration_test]
async fn messages_of_the_test_reach_the_code_and_are_not_its_publications(
    events: &Mqtt,
    mut device: Device,
) -> Result<()> {
    #[arrange]
    device.subscribe("order/+", events, "order/created").await?;

    #[act]
    events.publish("order/created").json(&json!({"order": 7})).await?;
    let received = device.next().await?;

    #[assert]
    assert_eq!(&*received.payload, br#"{"order":7}"#);
    events.expect_none("order/created");
    let [delivered] = &events.delivered()[..] else { return Err("one message is delivered".into()) };
    delivered.assert_json("/order", 7);
    events.publish_again(delivered).await?;
    assert_eq!(device.next().await?.payload, received.payload);
    eventually(async || events.unacknowledged().len()).until(|count| *count == 0).await?;
    Ok(())
}

#[integration_test]
async fn delivery_is_unacknowledged_until_the_code_acknowledges_it(events: &Mqtt) -> Result<()> {
    #[arrange]
    let mut options = options(events, "manual");
    options.set_manual_acks(true);
    let mut device = Device::with(options);
    device.subscribe("order/created", events, "order/created").await?;

    #[act]
    events.publish("order/created").text("7").await?;
    let received = device.next().await?;
    let before = events.unacknowledged();
    device.client.ack(&received).await?;

    #[assert]
    assert_eq!(before.iter().map(itest::Message::topic).collect::<Vec<_>>(), ["order/created"]);
    eventually(async || events.unacknowledged().len()).until(|count| *count == 0).await?;
    Ok(())
}

#[integration_test]
async fn consumer_that_leaves_is_no_consumer_any_more(events: &Mqtt, device: &Device) -> Result<()> {
    #[arrange]
    device.subscribe("order/#", events, "order/created").await?;
    let other = Device::new(events);
    other.client.subscribe("$share/workers/order/+", QoS::AtLeastOnce).await?;
    events.expect_consumers("order/created", 2).await?;
    // A second subscription with the same filter replaces the first one.
    device.client.subscribe("order/#", QoS::AtMostOnce).await?;
    device.send("order/done", "").await?;
    events.expect("order/done").await?;
    events.expect_consumers("order/created", 2).await?;

    #[act]
    device.client.unsubscribe("order/#").await?;
    other.client.disconnect().await?;

    #[assert]
    events.expect_consumers("order/created", 0).await?;
    Ok(())
}

#[integration_test]
async fn large_message_passes_whole(events: &Mqtt, device: &Device) -> Result<()> {
    let body = "x".repeat(1_000_000);
    device.send("large", &body).await?;
    assert!(events.expect("large").await?.bytes() == body.as_bytes());
    Ok(())
}

#[integration_test]
#[case::filter("order/+")]
#[case::empty("")]
async fn message_on_a_topic_that_is_none_is_refused(#[case] topic: &str, events: &Mqtt) -> Result<()> {
    let refused = events.publish(topic).text("hi").await.err().ok_or("it was published")?.to_string();
    assert!(refused.contains("is no topic of MQTT"), "{refused}");
    Ok(())
}

#[integration_test]
async fn messages_of_each_key_are_expected_in_their_order(events: &Mqtt, device: &Device) -> Result<()> {
    for (topic, body) in [("stock/book", "1"), ("stock/pen", "7"), ("stock/book", "2")] {
        device.send(topic, body).await?;
    }
    let changes = events.expect("stock/+").by_key(|message| message.topic().to_owned());
    let changes = changes.ascending("the body", |message| message.text().into_owned()).exactly(3).await?;
    assert_eq!((changes["stock/book"].len(), changes["stock/pen"].len()), (2, 1));
    Ok(())
}
