//! A server that hangs, and clients that do not comply, cost at most their own test.

use std::time::{Duration, Instant};

use itest::prelude::*;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;

use crate::attacker::{assert_memory_is_bounded, open_silent_connections, run_attacked, send_garbage};
use crate::bus::Bus;
use crate::endless_frame::send_endless_frame;
use crate::flood::{FLOOD_MESSAGES, assert_flood_passes};
use crate::nested::require_nested;

/// Valid beginnings of the protocol.
const BEGINNINGS: [&[u8]; 3] =
    [b"AMQP\x00\x00\x09\x01", b"AMQP\x00\x00\x09\x01\x01\x00\x00\x00\x00\x00\x04", b"AMQP\x00"];

#[integration_test]
#[case::before("")]
#[case::garbage("garbage")]
#[case::after_the_garbage("")]
#[case::silence("silence")]
#[case::after_the_silence("")]
#[case::endless_frame("endless_frame")]
#[case::after_the_endless_frame("")]
#[case::flood("flood")]
#[case::after_the_flood("")]
async fn nested_attack(#[case] attack: &str, events: &Rabbit, bus: &Bus) -> Result {
    require_nested();
    bus.declare("shop", "payments", "order.*").await?;
    bus.send("shop", "order.step", "").await?;
    events.expect("order.step").await?;
    match attack {
        "garbage" => send_garbage(events.address(), &BEGINNINGS).await?,
        "silence" => open_silent_connections(events.address(), &BEGINNINGS).await?,
        "endless_frame" => {
            // The frame announces 4 GiB.
            let beginning = b"AMQP\x00\x00\x09\x01\x01\x00\x00\xff\xff\xff\xff";
            send_endless_frame(events.address(), beginning).await?;
        }
        "flood" => {
            for number in 0..FLOOD_MESSAGES {
                let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
                let body = format!("message {number}");
                bus.channel
                    .basic_publish("shop".into(), "order.flood".into(), options, body.as_bytes(), properties)
                    .await?;
            }
            assert_flood_passes(|| events.published().len()).await?;
        }
        _ => {}
    }
    assert_memory_is_bounded()
}

#[integration_test(timeout = "2m")]
async fn attack_costs_at_most_its_own_test() -> Result {
    let began = Instant::now();
    let run = run_attacked("attacks::nested_attack", &[("ITEST_RABBITMQ", "programs")]).await?;
    run.assert_red().assert_contains("8 passed; 1 failed");
    run.assert_contains("nested_attack::endless_frame ... FAILED");
    run.assert_contains("has sent a message of more than 64 MiB, which is the most that passes the tap of rabbitmq");
    assert!(began.elapsed() < Duration::from_mins(1), "{}", run.text);
    Ok(())
}
