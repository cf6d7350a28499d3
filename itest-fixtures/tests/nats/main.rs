//! Tests of `Nats` on real servers, with the client `async-nats`, which is not itest's.

#[path = "../attacker/mod.rs"]
mod attacker;
mod attacks;
mod cleaning;
#[path = "../attacker/endless_frame.rs"]
mod endless_frame;
mod faults;
#[path = "../attacker/flood.rs"]
mod flood;
#[path = "../histories/mod.rs"]
mod generated;
mod histories;
mod lost;
mod messages;
#[path = "../nested/mod.rs"]
mod nested;
mod restart;
#[path = "../histories/reuse.rs"]
mod reuse;
mod shared;
#[path = "../attacker/stopped_server.rs"]
mod stopped_server;
#[path = "../histories/workers.rs"]
mod workers;
#[path = "../attacker/wrapped_server.rs"]
mod wrapped_server;

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::{self, consumer::PullConsumer};
use itest::prelude::*;

itest::main!();

/// The client of the code under test.
pub(crate) struct Bus(pub(crate) Client);

#[fixture]
async fn bus(events: &Nats, teardown: &Teardown) -> Result<Bus> {
    let client = async_nats::connect(events.url()).await?;
    let drained = client.clone();
    teardown.defer("drain the client", async move { drained.drain().await });
    Ok(Bus(client))
}

impl Bus {
    /// A stream of orders with one order, and its only consumer, which has to acknowledge.
    pub(crate) async fn order_stream(&self, ack_wait: Duration) -> Result<PullConsumer> {
        let context = jetstream::new(self.0.clone());
        let subjects = vec!["order.*".to_owned()];
        let config = jetstream::stream::Config { name: "ORDERS".to_owned(), subjects, ..Default::default() };
        let stream = context.create_stream(config).await?;
        let durable_name = Some("billing".to_owned());
        let config = jetstream::consumer::pull::Config { durable_name, ack_wait, ..Default::default() };
        let consumer = stream.create_consumer(config).await?;
        context.publish("order.created", "7".into()).await?.await?;
        Ok(consumer)
    }

    pub(crate) async fn send(&self, subject: &str, body: &'static str) -> Result<()> {
        self.0.publish(subject.to_owned(), body.into()).await?;
        self.0.flush().await?;
        Ok(())
    }
}
