//! A server whose disk is full during a test: the report names the alarm of the server, which blocks publishers.

use std::time::Duration;

use itest::prelude::*;
use tokio::process::Command;

use crate::bus::Bus;
use crate::nested::{require_nested, run};
use crate::shared_server::SharedServer;

/// The variable with the port of the nested run's server for `rabbitmqctl`.
const CONTROL_PORT: &str = "CONTROL_PORT";

/// More than any disk has.
const LIMIT_BYTES: &str = "1000000000000000";

/// How long a test waits for the confirmation of a message.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(2);

/// Raises the alarm of the server, like a disk without enough free space.
async fn fill_disk() -> Result {
    let connection = format!("-start_epmd false -erl_epmd_port {} -dist_listen false", std::env::var(CONTROL_PORT)?);
    let mut command = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl");
    command.args(["--node", "shared@localhost", "--erlang-cookie", "shared", "set_disk_free_limit", LIMIT_BYTES]);
    command.env("RABBITMQ_CTL_ERL_ARGS", connection).env("RABBITMQ_CONF_ENV_FILE", "/none");
    let output = command.output().await?;
    assert!(output.status.success(), "{output:?}");
    Ok(())
}

#[integration_test(timeout = "50s")]
async fn nested_publisher_is_blocked(#[values(1, 2)] message: u32, bus: &Bus) -> Result {
    require_nested();
    bus.declare("shop", "payments", "order.*").await?;
    bus.confirm().await?;
    if message == 2 {
        fill_disk().await?;
    }
    // The server still accepts the first message of a connection, and then reads nothing more from it, so that lapin waits without a limit.
    for _ in 0..2 {
        let sent = tokio::time::timeout(CONFIRMATION_TIMEOUT, bus.send("shop", "order.paid", "")).await;
        sent.map_err(|_| itest::Error::new("no confirmation"))??;
    }
    Ok(())
}

#[integration_test(timeout = "2m")]
async fn failed_test_names_the_alarm_of_a_server_whose_disk_is_full(teardown: &Teardown) -> Result {
    #[arrange]
    let server = SharedServer::start("channel_max = 100\n", teardown).await?;
    let port = server.program.address("CONTROL")?.port().to_string();
    let [(url, amqp), (management, api)] = server.variables()?;
    let variables = [(url, amqp.as_str()), (management, api.as_str()), (CONTROL_PORT, port.as_str())];

    #[act]
    let run = run("full_disk::nested_", &["--order", "declared", "--jobs", "1"], &variables).await?;

    #[assert]
    run.assert_red().assert_contains("1 passed; 1 failed").assert_contains("no confirmation");
    run.assert_contains("RabbitMQ is full: the alarm of the server for disk space is on, so it accepts no messages");
    Ok(())
}
