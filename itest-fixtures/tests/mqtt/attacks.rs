//! A server that hangs, and clients that do not comply, cost at most their own test.

use std::time::{Duration, Instant};

use itest::prelude::*;
use rumqttc::QoS;

use crate::attacker::{assert_memory_is_bounded, open_silent_connections, run_attacked, send_garbage};
use crate::bus::Device;
use crate::endless_frame::send_endless_frame;
use crate::flood::{FLOOD_MESSAGES, assert_flood_passes};
use crate::nested::require_nested;
use crate::stopped_server::stop_server;
use crate::wrapped_server::run_in_wrapper;

/// The packet with which a client begins.
const CONNECT: &[u8] = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04evil";

/// Valid beginnings of the protocol.
const BEGINNINGS: [&[u8]; 3] = [CONNECT, b"\x10\x10\x00\x04MQ", b"\x82\x09\x00\x01"];

#[integration_test]
#[case::before("")]
#[case::server_stops("server_stops")]
#[case::after_the_stop("")]
#[case::garbage("garbage")]
#[case::after_the_garbage("")]
#[case::silence("silence")]
#[case::after_the_silence("")]
#[case::endless_frame("endless_frame")]
#[case::after_the_endless_frame("")]
#[case::flood("flood")]
#[case::after_the_flood("")]
async fn nested_attack(#[case] attack: &str, events: &Mqtt, device: &Device) -> Result<()> {
    require_nested();
    device.send("step", "").await?;
    events.expect("step").await?;
    match attack {
        "server_stops" => stop_server("mosquitto")?,
        "garbage" => send_garbage(events.address(), &BEGINNINGS).await?,
        "silence" => open_silent_connections(events.address(), &BEGINNINGS).await?,
        "endless_frame" => {
            // The packet announces 256 MiB.
            let beginning = [CONNECT, b"\x30\xff\xff\xff\x7f"].concat();
            send_endless_frame(events.address(), &beginning).await?;
        }
        "flood" => {
            for number in 0..FLOOD_MESSAGES {
                device.client.publish("flood", QoS::AtMostOnce, false, format!("message {number}")).await?;
            }
            assert_flood_passes(|| events.published().len()).await?;
        }
        _ => {}
    }
    assert_memory_is_bounded()
}

#[integration_test(timeout = "2m")]
async fn attack_costs_at_most_its_own_test() -> Result<()> {
    let began = Instant::now();
    let run = run_attacked("attacks::nested_attack", &[("ITEST_MQTT", "programs")]).await?;
    run.assert_red().assert_contains("9 passed; 2 failed");
    run.assert_contains("nested_attack::server_stops ... FAILED");
    run.assert_contains(
        "the private MQTT server of this worker was stopped by a signal, and has not continued, while the test used it",
    );
    run.assert_contains("nested_attack::endless_frame ... FAILED");
    run.assert_contains("has sent a message of more than 64 MiB, which is the most that passes the tap of mqtt");
    assert!(began.elapsed() < Duration::from_mins(1), "{}", run.text);
    Ok(())
}

#[integration_test(timeout = "2m")]
async fn server_that_hangs_fails_only_its_test() -> Result<()> {
    let run = run_in_wrapper("stop", "/usr/sbin/mosquitto", "ITEST_MQTT").await?;
    run.assert_red().assert_contains("1 passed; 1 failed").assert_contains("nested_attack::server_stops ... FAILED");
    run.assert_contains(
        "the private MQTT server of this worker does not answer within 4s, so it may have hung while the test used it",
    );
    Ok(())
}
