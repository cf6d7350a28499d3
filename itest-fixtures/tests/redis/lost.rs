//! A private server that ends costs only the test that uses it.

use std::sync::atomic::{AtomicI32, Ordering};

use itest::prelude::*;
use itest::redis::{AsyncCommands, Redis, RedisResult, cmd};

use crate::nested::{require_nested, run};

async fn process_id(redis: &Redis) -> Result<i32> {
    let info: String = cmd("INFO").arg("server").query_async(&mut redis.connection().await?).await?;
    let id = info.lines().find_map(|line| line.strip_prefix("process_id:")).and_then(|id| id.trim().parse().ok());
    Ok(id.unwrap_or_default())
}

#[integration_test]
#[case::before(1)]
#[case::kill(2)]
#[case::after_the_kill(3)]
#[case::shutdown(4)]
#[case::after_the_shutdown(5)]
async fn nested_server_ends(#[case] step: u32, redis: &Redis) -> Result<()> {
    require_nested();
    redis.key("key").read().await?.assert_missing();
    let mut connection = redis.connection().await?;
    let _: () = connection.set("key", "value").await?;
    match step {
        2 => {
            let id = process_id(redis).await?;
            std::process::Command::new("kill").args(["-9", &id.to_string()]).status()?;
        }
        4 => {
            let _: RedisResult<()> = cmd("SHUTDOWN").arg("NOSAVE").exec_async(&mut connection).await;
        }
        _ => {}
    }
    Ok(())
}

#[integration_test]
async fn server_that_ends_fails_only_its_test() -> Result<()> {
    let arguments = ["--order", "declared", "--jobs", "1"];
    let run = run("lost::nested_server_ends", &arguments, &[("ITEST_REDIS", "programs")]).await?;
    run.assert_red().assert_contains("3 passed; 2 failed");
    run.assert_contains(
        "the private Redis server of this worker has ended (signal: 9 (SIGKILL)) while the test used it",
    );
    run.assert_contains("the private Redis server of this worker has ended (exit status: 0) while the test used it");
    for test in ["before", "after_the_kill", "after_the_shutdown"] {
        run.assert_contains(&format!("nested_server_ends::{test} ... ok"));
    }
    run.assert_contains("a private server for each worker");
    Ok(())
}

/// The server of this worker, which ends while no test uses it.
static IDLE: AtomicI32 = AtomicI32::new(0);

#[integration_test]
async fn nested_idle_1_uses_the_server(redis: &Redis) -> Result<()> {
    require_nested();
    IDLE.store(process_id(redis).await?, Ordering::Relaxed);
    Ok(())
}

#[integration_test]
async fn nested_idle_2_ends_the_server() -> Result<()> {
    require_nested();
    let id = IDLE.load(Ordering::Relaxed);
    assert_ne!(id, 0, "no server was used before");
    std::process::Command::new("kill").args(["-9", &id.to_string()]).status()?;
    eventually(move || async move { !std::path::Path::new(&format!("/proc/{id}")).exists() }).await?;
    Ok(())
}

#[integration_test]
async fn nested_idle_3_uses_a_new_server(redis: &Redis) -> Result<()> {
    require_nested();
    assert_ne!(process_id(redis).await?, IDLE.load(Ordering::Relaxed));
    Ok(())
}

#[integration_test]
async fn server_that_ends_between_two_tests_fails_none() -> Result<()> {
    let arguments = ["--order", "declared", "--jobs", "1"];
    let run = run("lost::nested_idle", &arguments, &[("ITEST_REDIS", "programs")]).await?;
    run.assert_green().assert_contains("3 passed");
    Ok(())
}

/// Writes the process id of the server, for the test that looks for them after the run.
#[expect(clippy::print_stdout, reason = "the run that contains this one reads it")]
#[integration_test]
async fn nested_server_is_left(redis: &Redis) -> Result<()> {
    require_nested();
    println!("server {} of the worker", process_id(redis).await?);
    std::process::abort();
}

#[integration_test]
async fn no_server_is_left_by_a_worker_that_crashes() -> Result<()> {
    let run = run("lost::nested_server_is_left", &["--jobs", "1"], &[("ITEST_REDIS", "programs")]).await?;
    run.assert_red();
    let id = run.text.split("server ").find_map(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    let Some(id) = id else {
        return Err(itest::Error::new(format!("no process id in:\n{}", run.text)));
    };
    let command = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
    assert!(!command.contains("redis"), "{command} still runs");
    Ok(())
}
