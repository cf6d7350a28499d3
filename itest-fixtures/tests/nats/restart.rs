//! A test restarts its private server: what `JetStream` has stored in files survives.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use futures_util::StreamExt;
use itest::prelude::*;

use crate::Bus;
use crate::nested::{require_nested, run};

#[integration_test]
async fn nested_stored_message_survives_a_restart_and_one_in_memory_does_not(events: &Nats, bus: &Bus) -> Result<()> {
    #[arrange]
    require_nested();
    let consumer = bus.order_stream(Duration::from_secs(10)).await?;
    let context = jetstream::new(bus.0.clone());
    let (name, subjects) = ("MEMORY".to_owned(), vec!["memory".to_owned()]);
    let memory = stream::Config { name, subjects, storage: stream::StorageType::Memory, ..Default::default() };
    context.create_stream(memory).await?;
    context.publish("memory", "7".into()).await?.await?;

    #[act]
    events.restart().await?;

    #[assert]
    // The client connects again to the same address.
    let message = consumer.messages().await?.next().await.ok_or("no message")??;
    assert_eq!(&*message.payload, b"7");
    message.ack().await?;
    let lost = eventually(async || context.get_stream("MEMORY").await.is_err());
    lost.within(Duration::from_secs(10)).equals(true).await?;
    Ok(())
}

#[integration_test]
async fn nested_restarted_server_is_clean(bus: &Bus) -> Result<()> {
    require_nested();
    assert!(jetstream::new(bus.0.clone()).get_stream("ORDERS").await.is_err());
    Ok(())
}

#[integration_test]
async fn private_server_is_restarted_by_its_test_and_clean_for_the_next() -> Result<()> {
    let arguments = ["--order", "declared", "--jobs", "1"];
    let run = run("restart::nested_", &arguments, &[("ITEST_NATS", "programs")]).await?;
    run.assert_green().assert_contains("2 passed");
    Ok(())
}
