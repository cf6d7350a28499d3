//! What a test finds after another one has used the same virtual host.

use itest::prelude::*;
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

use crate::bus::{Bus, next};

/// Each of these finds nothing of the others, in every order.
#[integration_test]
async fn test_finds_nothing_of_another_one(#[values(0, 1, 2, 3, 4, 5, 6, 7)] number: u32, bus: &Bus) -> Result {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let checked = bus.connection.create_channel().await?;
    assert!(checked.queue_declare("left".into(), passive, FieldTable::default()).await.is_err());
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let checked = bus.connection.create_channel().await?;
    let kind = lapin::ExchangeKind::Topic;
    assert!(checked.exchange_declare("left".into(), kind, passive, FieldTable::default()).await.is_err());
    bus.declare("left", "left", "#").await?;
    bus.send("left", "key", &number.to_string()).await?;
    let mut consumer = bus.consume("left").await?;
    assert_eq!(next(&mut consumer).await?.data, number.to_string().as_bytes());
    // An exclusive queue ends with its connection, which the test leaves open.
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    bus.channel.queue_declare("exclusive".into(), exclusive, FieldTable::default()).await?;
    Ok(())
}

#[integration_test]
async fn user_of_a_test_reaches_its_own_virtual_host_only(events: &Rabbit, other: Rabbit, bus: &Bus) -> Result {
    assert_ne!(events.virtual_host(), other.virtual_host());
    bus.declare_queue("mine", FieldTable::default()).await?;
    let elsewhere = events.url().replace(&format!("/{}", events.virtual_host()), &format!("/{}", other.virtual_host()));
    assert!(Connection::connect(&elsewhere, ConnectionProperties::default()).await.is_err());
    let of_other = Bus::connect(other.url()).await?;
    assert!(of_other.channel.basic_get("mine".into(), BasicGetOptions::default()).await.is_err());
    Ok(())
}
