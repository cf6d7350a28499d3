//! A test restarts the broker: what is durable survives.

use itest::prelude::*;
use itest::rabbitmq::RestartableRabbit;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;

use crate::bus::{Bus, ShopTopology};

/// The delivery mode of a message that the broker writes to its disk.
const PERSISTENT: u8 = 2;

#[integration_test(timeout = "2m")]
async fn persistent_message_in_a_durable_queue_survives_a_restart_and_others_do_not(
    events: &RestartableRabbit<ShopTopology>,
) -> Result {
    #[arrange]
    let bus = Bus::connect(events.url()).await?;
    bus.confirm().await?;
    let transient = QueueDeclareOptions::default();
    bus.channel.queue_declare("transient".into(), transient, FieldTable::default()).await?;
    let binding = QueueBindOptions::default();
    bus.channel.queue_bind("transient".into(), "shop".into(), "#".into(), binding, FieldTable::default()).await?;
    bus.send("shop", "order.seen", "transient").await?;
    let persistent = BasicProperties::default().with_delivery_mode(PERSISTENT);
    bus.send_with("shop", "order.paid", "persistent", persistent).await?;
    let _ = bus.connection.close(200, "".into()).await;

    #[act]
    events.restart().await?;

    #[assert]
    let bus = Bus::connect(events.url()).await?;
    let get = async || bus.channel.basic_get("payments".into(), BasicGetOptions::default()).await;
    let message = get().await?.ok_or("the durable queue is empty")?;
    assert_eq!(message.delivery.data, b"persistent");
    message.delivery.ack(BasicAckOptions::default()).await?;
    assert!(get().await?.is_none(), "a transient message survives");
    events.expect("order.*").exactly(2).await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let missing = bus.channel.queue_declare("transient".into(), passive, FieldTable::default()).await;
    assert!(missing.is_err(), "the transient queue survives");
    let _ = bus.connection.close(200, "".into()).await;
    Ok(())
}
