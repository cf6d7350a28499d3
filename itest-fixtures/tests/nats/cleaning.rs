//! The next test gets a server as if it were new.

use async_nats::jetstream;
use futures_util::{StreamExt, TryStreamExt};
use itest::prelude::*;

use crate::Bus;

/// What a client sees of a server.
async fn seen(url: &str) -> Result<Vec<String>> {
    let client = async_nats::connect(url).await?;
    let context = jetstream::new(client.clone());
    let streams = context.stream_names().try_collect().await?;
    client.drain().await?;
    Ok(streams)
}

/// Each case leaves what the others would find, in whatever order they run.
#[integration_test]
#[case::first(1)]
#[case::second(2)]
#[case::third(3)]
async fn streams_of_a_test_are_gone_for_the_next(#[case] number: u32, events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    assert!(seen(events.url()).await?.is_empty());

    #[act]
    let context = jetstream::new(bus.0.clone());
    for name in ["A", "B"] {
        let subjects = vec![format!("{name}.*")];
        let config = jetstream::stream::Config { name: format!("{name}{number}"), subjects, ..Default::default() };
        context.create_stream(config).await?;
    }
    context.publish("A.1", "1".into()).await?.await?;

    #[assert]
    assert_eq!(seen(events.url()).await?.len(), 2);
    Ok(())
}

/// The client is neither drained nor dropped, so its subscription lasts as long as its connection.
#[integration_test]
#[case::first(1)]
#[case::second(2)]
async fn member_of_a_queue_group_takes_no_message_of_the_next_test(
    #[case] _number: u32,
    events: &Nats,
    bus: &Bus,
) -> Result<()> {
    #[arrange]
    let leftover = async_nats::connect(events.url()).await?;
    let mut own = bus.0.queue_subscribe("work", "workers".to_owned()).await?;
    bus.0.flush().await?;
    events.expect_consumers("work", 1).await?;

    #[act]
    for _ in 0..20 {
        events.publish("work").await?;
    }

    #[assert]
    assert_eq!(own.by_ref().take(20).count().await, 20);
    let subscription = leftover.queue_subscribe("work", "workers".to_owned()).await?;
    leftover.flush().await?;
    std::mem::forget(subscription);
    Ok(())
}
