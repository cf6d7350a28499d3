//! A server that hangs, and clients that do not comply, cost at most their own test.

use std::time::{Duration, Instant};

use itest::prelude::*;

use crate::Bus;
use crate::attacker::{assert_memory_is_bounded, open_silent_connections, run_attacked, send_garbage};
use crate::endless_frame::send_endless_frame;
use crate::flood::{FLOOD_MESSAGES, assert_flood_passes};
use crate::nested::require_nested;
use crate::stopped_server::stop_server;
use crate::wrapped_server::run_in_wrapper;

/// Valid beginnings of the protocol.
const BEGINNINGS: [&[u8]; 4] =
    [b"CONNECT {}\r\n", b"CONNECT {}\r\nPUB a 3\r\n", b"CONNECT {}\r\nSUB a\r\n", b"CONNECT {}\r\nHPUB a 9 1\r\n"];

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
async fn nested_attack(#[case] attack: &str, events: &Nats, bus: &Bus) -> Result<()> {
    require_nested();
    bus.send("step", "").await?;
    events.expect("step").await?;
    match attack {
        "server_stops" => stop_server("nats-server")?,
        "garbage" => send_garbage(events.address(), &BEGINNINGS).await?,
        "silence" => open_silent_connections(events.address(), &BEGINNINGS).await?,
        "endless_frame" => {
            send_endless_frame(events.address(), b"CONNECT {}\r\nPUB a 99999999999\r\n").await?;
        }
        "flood" => {
            for number in 0..FLOOD_MESSAGES {
                bus.0.publish("flood", format!("message {number}").into()).await?;
            }
            bus.0.flush().await?;
            assert_flood_passes(|| events.published().len()).await?;
        }
        _ => {}
    }
    assert_memory_is_bounded()
}

#[integration_test(timeout = "2m")]
async fn attack_costs_at_most_its_own_test() -> Result<()> {
    let began = Instant::now();
    let run = run_attacked("attacks::nested_attack", &[("ITEST_NATS", "programs")]).await?;
    run.assert_red().assert_contains("9 passed; 2 failed");
    run.assert_contains("nested_attack::server_stops ... FAILED");
    run.assert_contains(
        "the private NATS server of this worker was stopped by a signal, and has not continued, while the test used it",
    );
    run.assert_contains("nested_attack::endless_frame ... FAILED");
    run.assert_contains("has sent a message of more than 64 MiB, which is the most that passes the tap of nats");
    assert!(began.elapsed() < Duration::from_mins(1), "{}", run.text);
    Ok(())
}

#[integration_test(timeout = "2m")]
async fn server_that_hangs_fails_only_its_test() -> Result<()> {
    let run = run_in_wrapper("stop", "/usr/sbin/nats-server", "ITEST_NATS").await?;
    run.assert_red().assert_contains("1 passed; 1 failed").assert_contains("nested_attack::server_stops ... FAILED");
    run.assert_contains(
        "the private NATS server of this worker does not answer within 4s, so it may have hung while the test used it",
    );
    Ok(())
}
