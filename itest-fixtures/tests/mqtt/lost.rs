//! A private broker that ends costs only the test that uses it.

use itest::prelude::*;

use crate::nested::{require_nested, run};

/// The process ids of the private brokers of this process's run. Their folder is named after the process that started them.
fn brokers() -> Vec<u32> {
    let of_worker = format!("itest-mqtt-{}-", std::process::id());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&of_worker)
    })
    .collect()
}

#[integration_test]
#[case::before(1)]
#[case::kill(2)]
#[case::after_the_kill(3)]
async fn nested_broker_ends(#[case] step: u32, events: &Mqtt) -> Result<()> {
    require_nested();
    events.publish("a").await?;
    if step == 2 {
        let brokers = brokers();
        assert!(!brokers.is_empty(), "the broker has no process");
        for id in brokers {
            std::process::Command::new("kill").args(["-9", &id.to_string()]).status()?;
        }
    }
    Ok(())
}

#[integration_test]
async fn broker_that_ends_fails_only_its_test() -> Result<()> {
    let arguments = ["--order", "declared", "--jobs", "1"];
    let run = run("lost::nested_broker_ends", &arguments, &[("ITEST_MQTT", "programs")]).await?;
    run.assert_red().assert_contains("2 passed; 1 failed");
    run.assert_contains(
        "the private MQTT server of this worker has ended (signal: 9 (SIGKILL)) while the test used it",
    );
    for test in ["before", "after_the_kill"] {
        run.assert_contains(&format!("nested_broker_ends::{test} ... ok"));
    }
    Ok(())
}
