//! A private server that ends or hangs costs only the test that uses it.

use itest::prelude::*;

use crate::bus::Bus;
use crate::nested::{require_nested, run};

/// Sends a signal to the server of this run, which has inherited the variable `LOST_RUN`.
fn signal_server(run: &str, signal: &str) -> Result {
    let is_server = |id: &str| {
        let read = |file: &str| std::fs::read(format!("/proc/{id}/{file}")).unwrap_or_default();
        let variables = String::from_utf8_lossy(&read("environ")).into_owned();
        read("comm").starts_with(b"beam.smp")
            && variables.split('\0').any(|variable| variable == format!("LOST_RUN={run}"))
    };
    let processes = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let servers: Vec<String> = processes.filter(|id| is_server(id)).collect();
    let [server] = &servers[..] else { return Err(itest::Error::new(format!("one server, found {servers:?}"))) };
    std::process::Command::new("kill").args([signal, server]).status()?;
    Ok(())
}

#[integration_test]
#[case::before(1)]
#[case::kill(2)]
#[case::after_the_kill(3)]
async fn nested_server_ends(#[case] step: u32, events: &Rabbit, bus: &Bus) -> Result {
    require_nested();
    bus.declare("shop", "payments", "order.*").await?;
    bus.send("shop", "order.paid", "").await?;
    events.expect("order.paid").await?;
    if step == 2 {
        signal_server(&std::env::var("LOST_RUN")?, "-KILL")?;
    }
    Ok(())
}

#[integration_test]
async fn server_that_ends_fails_only_its_test() -> Result {
    let arguments = ["--order", "declared", "--jobs", "1"];
    let name = format!("{}", std::process::id());
    let variables = [("ITEST_RABBITMQ", "programs"), ("LOST_RUN", &name)];
    let run = run("lost::nested_server_ends", &arguments, &variables).await?;
    run.assert_red().assert_contains("2 passed; 1 failed");
    run.assert_contains("the private RabbitMQ server of this run has ended while the test used it");
    for test in ["before", "after_the_kill"] {
        run.assert_contains(&format!("nested_server_ends::{test} ... ok"));
    }
    Ok(())
}

/// The first test ends at once, and the second one waits for the server.
#[integration_test]
#[case::before("")]
#[case::stop("stop")]
#[case::after_the_stop("")]
#[case::stop_and_wait("wait")]
#[case::after_the_wait("")]
async fn nested_server_hangs(#[case] step: &str, events: &Rabbit, bus: &Bus) -> Result {
    require_nested();
    bus.declare("shop", "payments", "order.*").await?;
    bus.send("shop", "order.paid", "").await?;
    events.expect("order.paid").await?;
    if !step.is_empty() {
        signal_server(&std::env::var("LOST_RUN")?, "-STOP")?;
    }
    if step == "wait" {
        let ended = bus.declare_exchange("bank").await;
        assert!(ended.is_err(), "a stopped server answers nothing");
    }
    Ok(())
}

#[integration_test(timeout = "2m")]
async fn server_that_hangs_fails_only_its_test() -> Result {
    let arguments = ["--order", "declared", "--jobs", "1", "--health-check-timeout", "2s"];
    let name = format!("{}", std::process::id());
    let variables = [("ITEST_RABBITMQ", "programs"), ("LOST_RUN", &name)];
    let run = run("lost::nested_server_hangs", &arguments, &variables).await?;
    run.assert_red().assert_contains("3 passed; 2 failed");
    let reason = "the result of the test means nothing (itest has killed it, because it left 2 health checks unanswered for 2s each)";
    assert_eq!(run.text.matches(reason).count(), 2, "{}", run.text);
    for test in ["before", "after_the_stop", "after_the_wait"] {
        run.assert_contains(&format!("nested_server_hangs::{test} ... ok"));
    }
    Ok(())
}
