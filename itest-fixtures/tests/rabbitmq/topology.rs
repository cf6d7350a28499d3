//! Topologies, messages that reach no queue, and dead letters.

use itest::prelude::*;
use itest::rabbitmq::Topology;
use lapin::options::{BasicAckOptions, BasicRejectOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::bus::{Bus, ShopTopology, next};
use crate::nested::{NESTED, require_nested, run};

type ShopEvents = Rabbit<ShopTopology>;

/// Each of these finds the topology, and its queues empty.
#[integration_test]
async fn each_test_begins_with_the_topology_and_empty_queues(
    #[values(0, 1, 2, 3)] number: usize,
    events: &ShopEvents,
) -> Result {
    let bus = Bus::connect(events.url()).await?;
    bus.send("shop", "order.paid", &number.to_string()).await?;
    let mut consumer = bus.consume("payments").await?;
    let delivery = next(&mut consumer).await?;
    assert_eq!(delivery.data, number.to_string().as_bytes());
    delivery.ack(BasicAckOptions::default()).await?;
    bus.send("shop", "order.left", "left").await?;
    bus.declare("left", "left", "#").await?;
    if number == 1 {
        bus.channel.queue_delete("payments".into(), QueueDeleteOptions::default()).await?;
    }
    Ok(())
}

fn with_dead_letters() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
    arguments.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString("dead".into()));
    arguments
}

async fn reject_one(events: &Rabbit, bus: &Bus) -> Result {
    bus.declare_queue("dead", FieldTable::default()).await?;
    bus.declare_queue("work", with_dead_letters()).await?;
    events.publish("work").header("trace", 7).header("message-id", "m7").text("poison").await?;
    let mut consumer = bus.consume("work").await?;
    next(&mut consumer).await?.reject(BasicRejectOptions { requeue: false }).await?;
    Ok(())
}

#[integration_test]
async fn dead_letter_is_expected_with_its_queue_and_reason(events: &Rabbit, bus: &Bus) -> Result {
    #[act]
    reject_one(events, bus).await?;

    #[assert]
    let letter = events.expect_dead_letter("work").await?;
    assert_eq!((letter.queue(), letter.reason()), ("work", "rejected"));
    assert_eq!((letter.message().text().as_ref(), letter.message().header("trace")), ("poison", Some("7")));
    assert_eq!(letter.message().header("message-id"), Some("m7"));
    assert_eq!(events.dead_letters().await?.len(), 1);
    Ok(())
}

#[integration_test]
async fn nested_dead_letter(events: &Rabbit, bus: &Bus) -> Result {
    require_nested();
    reject_one(events, bus).await?;
    // The client does not wait until the broker has processed the rejection.
    let count = async || events.dead_letters().await.map_or(0, |letters| letters.len());
    eventually(count).until(|count| *count == 1).await?;
    Ok(())
}

#[integration_test]
async fn nested_lost_message(bus: &Bus) -> Result {
    require_nested();
    bus.declare_exchange("shop").await?;
    // The broker returns the message before it confirms it.
    bus.confirm().await?;
    bus.send("shop", "order.paid", "7").await
}

#[integration_test]
async fn nested_expected_message(events: &Rabbit, bus: &Bus) -> Result {
    require_nested();
    bus.declare_exchange("shop").await?;
    bus.confirm().await?;
    bus.send("shop", "order.paid", "7").await?;
    events.expect("order.paid").await?;
    Ok(())
}

struct RefusedTopology;

impl Topology for RefusedTopology {
    async fn declare(_: &str) -> Result {
        // The fixture is made before the test can say that only nested runs execute it.
        if std::env::var_os(NESTED).is_none() {
            return Ok(());
        }
        Err("the exchange exists with another type".into())
    }
}

#[integration_test]
#[case::first(1)]
#[case::second(2)]
fn nested_refused_topology(#[case] _number: u32, _events: &Rabbit<RefusedTopology>) {
    require_nested();
}

#[integration_test]
async fn refused_topology_is_the_error_of_each_test() -> Result {
    let run = run("nested_refused_topology", &["--jobs", "1"], &[]).await?;
    run.assert_red().assert_contains("0 passed; 2 failed");
    run.assert_contains("cannot declare the topology of RabbitMQ: the exchange exists with another type");
    Ok(())
}

#[integration_test]
#[case::dead_letter("nested_dead_letter", "a dead letter that the test does not expect:")]
#[case::lost("nested_lost_message", "a message reached no queue of rabbitmq, and the test does not expect it either:")]
async fn lost_message_fails_its_test(#[case] nested: &str, #[case] text: &str) -> Result {
    run(nested, &[], &[]).await?.assert_red().assert_contains(text);
    Ok(())
}

#[integration_test]
async fn message_without_a_queue_that_the_test_expects_is_not_lost() -> Result {
    run("nested_expected_message", &[], &[]).await?.assert_green();
    Ok(())
}
