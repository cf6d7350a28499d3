//! A private server that ends costs only the test that uses it.

use itest::prelude::*;

use crate::Bus;
use crate::nested::{require_nested, run};

/// Kills the server of this worker, which is a child of this process.
fn kill_server() -> Result<()> {
    let is_server = |id: &str| {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
        let parent = read("stat").rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(std::process::id()) && read("comm").trim() == "nats-server"
    };
    let processes = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let servers: Vec<String> = processes.filter(|id| is_server(id)).collect();
    let [server] = &servers[..] else { return Err(itest::Error::new(format!("one server, found {servers:?}"))) };
    std::process::Command::new("kill").args(["-9", server]).status()?;
    Ok(())
}

#[integration_test]
#[case::before(1)]
#[case::kill(2)]
#[case::after_the_kill(3)]
async fn nested_server_ends(#[case] step: u32, events: &Nats, bus: &Bus) -> Result<()> {
    require_nested();
    bus.send("step", "").await?;
    events.expect("step").await?;
    if step == 2 {
        kill_server()?;
    }
    Ok(())
}

#[integration_test]
async fn server_that_ends_fails_only_its_test() -> Result<()> {
    let arguments = ["--order", "declared", "--jobs", "1"];
    let run = run("lost::nested_server_ends", &arguments, &[("ITEST_NATS", "programs")]).await?;
    run.assert_red().assert_contains("2 passed; 1 failed");
    run.assert_contains(
        "the private NATS server of this worker has ended (signal: 9 (SIGKILL)) while the test used it",
    );
    for test in ["before", "after_the_kill"] {
        run.assert_contains(&format!("nested_server_ends::{test} ... ok"));
    }
    Ok(())
}
