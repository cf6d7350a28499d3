//! The next test gets a broker as if it were new.

use itest::prelude::*;
use rumqttc::{Event, Incoming, LastWill, Packet, QoS};

use crate::bus::{Device, options};

/// A message that the broker has retained would be delivered before this one.
async fn assert_nothing_is_retained(events: &Mqtt) -> Result {
    let mut device = Device::new(events);
    device.subscribe("#", events, "last").await?;
    events.publish("last").await?;
    assert_eq!(device.next().await?.topic, "last");
    Ok(())
}

/// Each case leaves what the others would see, in whatever order they run.
#[integration_test]
#[case::first("a")]
#[case::second("b")]
#[case::third("c")]
async fn retained_messages_are_gone_for_the_next_test(
    #[case] topic: &str,
    events: &Mqtt,
    device: &Device,
) -> Result<()> {
    assert_nothing_is_retained(events).await?;
    device.client.publish(topic, QoS::AtLeastOnce, true, "1").await?;
    let mut other = Device::new(events);
    other.client.subscribe(topic, QoS::AtLeastOnce).await?;
    let retained = other.next().await?;
    assert_eq!((retained.topic.as_str(), &*retained.payload), (topic, &b"1"[..]));
    Ok(())
}

/// A client that is dropped without a disconnection, so the broker publishes and retains its will.
#[integration_test]
#[case::first("a")]
#[case::second("b")]
async fn retained_will_is_gone_for_the_next_test(#[case] topic: &str, events: &Mqtt) -> Result<()> {
    assert_nothing_is_retained(events).await?;
    let mut options = options(events, "with-a-will");
    options.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, true));
    let device = Device::with(options);
    device.send("ready", "").await?;
    events.expect("ready").await?;
    Ok(())
}

/// The will of a client that the end of the test disconnects is published when no client of the next test can be connected.
#[integration_test]
#[case::first(1)]
#[case::second(2)]
#[case::third(3)]
async fn will_of_a_test_does_not_reach_the_next(#[case] _number: u32, events: &Mqtt, mut device: Device) -> Result<()> {
    device.subscribe("#", events, "last").await?;
    let mut options = options(events, "with-a-will");
    options.set_last_will(LastWill::new("will", "gone", QoS::AtLeastOnce, false));
    let leaving = Device::with(options);
    leaving.send("last", "").await?;
    assert_eq!(device.next().await?.topic, "last");
    // The client keeps its connection until the teardown of the test.
    std::mem::forget(leaving);
    Ok(())
}

#[integration_test]
#[case::first(1)]
#[case::second(2)]
async fn session_of_a_test_is_gone_for_the_next(#[case] _number: u32, events: &Mqtt) -> Result<()> {
    #[arrange]
    let mut options = options(events, "billing");
    options.set_clean_session(false);
    let (client, mut connection) = rumqttc::AsyncClient::new(options, 10);

    #[act]
    let Event::Incoming(Packet::ConnAck(connected)) = connection.poll().await? else {
        return Err("the first event is not the connection".into());
    };
    client.subscribe("order/created", QoS::AtLeastOnce).await?;
    while !matches!(connection.poll().await?, Event::Incoming(Incoming::SubAck(_))) {}
    drop((client, connection));
    // The broker keeps this message for the session.
    events.expect_consumers("order/created", 0).await?;
    events.publish("order/created").text("7").await?;

    #[assert]
    assert!(!connected.session_present);
    Ok(())
}

/// The end of the test comes while the broker has not read what the client has sent.
#[integration_test]
#[case::first(1)]
#[case::second(2)]
#[case::third(3)]
#[case::fourth(4)]
async fn late_messages_of_a_test_do_not_reach_the_next(
    #[case] number: u32,
    events: &Mqtt,
    device: &Device,
) -> Result<()> {
    let mut own = Device::new(events);
    own.subscribe("#", events, "mark").await?;
    device.send("mark", &number.to_string()).await?;
    assert_eq!(own.next().await?.payload, number.to_string());
    let burst = Device::new(events);
    for _ in 0..90 {
        burst.client.publish("burst", QoS::AtMostOnce, false, "x".repeat(10_000)).await?;
    }
    events.expect("burst").await?;
    std::mem::forget(burst);
    Ok(())
}
