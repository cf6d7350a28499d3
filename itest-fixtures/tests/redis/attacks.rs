//! A server that hangs, and clients that do not comply, cost at most their own test.

use std::time::{Duration, Instant};

use itest::prelude::*;
use itest::redis::{AsyncCommands, Redis, cmd, pipe};

use crate::attacker::{assert_memory_is_bounded, open_silent_connections, run_attacked, send_garbage};
use crate::nested::require_nested;
use crate::stopped_server::stop_server;

/// Valid beginnings of the protocol.
const BEGINNINGS: [&[u8]; 3] = [b"*1\r\n$4\r\nPING\r\n", b"*2\r\n$3\r\nGET\r\n$99999999999\r\n", b"*2\r\n$3\r\nGE"];

#[integration_test]
#[case::before("")]
#[case::server_stops("server_stops")]
#[case::after_the_stop("")]
#[case::garbage("garbage")]
#[case::after_the_garbage("")]
#[case::silence("silence")]
#[case::after_the_silence("")]
#[case::flood("flood")]
#[case::after_the_flood("")]
async fn nested_attack(#[case] attack: &str, redis: &Redis) -> Result<()> {
    require_nested();
    let mut connection = redis.connection().await?;
    assert_eq!(cmd("DBSIZE").query_async::<u64>(&mut connection).await?, 0);
    let _: () = connection.set("step", "").await?;
    let address = format!("{}:{}", redis.host(), redis.port()).parse()?;
    match attack {
        "server_stops" => stop_server("redis-server")?,
        "garbage" => send_garbage(address, &BEGINNINGS).await?,
        "silence" => open_silent_connections(address, &BEGINNINGS).await?,
        "flood" => {
            for hundred in 0..1_000 {
                let mut commands = pipe();
                for number in 0..100 {
                    commands.set(100 * hundred + number, "message").ignore();
                    commands.cmd("PUBLISH").arg("flood").arg(number).ignore();
                }
                commands.exec_async(&mut connection).await?;
            }
        }
        _ => {}
    }
    assert_memory_is_bounded()
}

#[integration_test(timeout = "2m")]
async fn attack_costs_at_most_its_own_test() -> Result<()> {
    let began = Instant::now();
    let run = run_attacked("attacks::nested_attack", &[("ITEST_REDIS", "programs")]).await?;
    run.assert_red().assert_contains("8 passed; 1 failed");
    run.assert_contains("nested_attack::server_stops ... FAILED");
    run.assert_contains(
        "the private Redis server of this worker was stopped by a signal, and has not continued, while the test used it",
    );
    assert!(began.elapsed() < Duration::from_mins(1), "{}", run.text);
    Ok(())
}
