//! A server at a URL, on which each test has a virtual host.

use std::time::Duration;

use itest::prelude::*;
use lapin::options::QueueDeleteOptions;

use crate::bus::Bus;
use crate::nested::{Run, run};
use crate::shared_server::SharedServer;

async fn run_on(server: &SharedServer, filter: &str) -> Result<Run> {
    let variables = server.variables()?;
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run_with(filter, &variables).await
}

async fn run_with(filter: &str, variables: &[(&str, &str)]) -> Result<Run> {
    let run = run(filter, &["--jobs", "2"], variables).await?;
    assert!(!run.text.contains("s3cret"), "the output contains the password:\n{}", run.text);
    Ok(run)
}

#[fixture(scope = "worker")]
async fn shared_server(teardown: &Teardown) -> Result<SharedServer> {
    SharedServer::start("", teardown).await
}

#[integration_test]
async fn each_test_has_a_virtual_host_on_a_shared_server_and_none_is_left(server: &SharedServer) -> Result {
    #[act]
    let run = run_on(server, "cleaning::").await?;

    #[assert]
    run.assert_green().assert_contains("9 passed").assert_contains("a virtual host for each test");
    let api = server.api()?;
    for list in ["vhosts", "users"] {
        let output = tokio::process::Command::new("curl")
            .args(["-s", "-u", "ann:s3cret", &format!("http://{api}/api/{list}?columns=name")])
            .output()
            .await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("name") && !text.contains("itest-"), "{text}");
    }
    Ok(())
}

#[integration_test]
async fn server_with_messages_is_refused_by_its_name(server: &SharedServer, teardown: &Teardown) -> Result {
    #[arrange]
    let [(_, url), _] = server.variables()?;
    let bus = Bus::connect(&url).await?;
    bus.declare("shop", "orders", "#").await?;
    bus.confirm().await?;
    bus.send("shop", "order.paid", "7").await?;
    let channel = bus.connection.create_channel().await?;
    teardown.defer("remove the queue", async move {
        channel.queue_delete("orders".into(), QueueDeleteOptions::default()).await.map(drop)
    });

    #[act]
    let run = eventually(async || run_on(server, "messages::large_message_passes_whole").await)
        .within(Duration::from_secs(20))
        .until(|run| run.as_ref().is_ok_and(|run| !run.is_green))
        .await??;

    #[assert]
    run.assert_contains(
        "ITEST_RABBITMQ_URL does not look like a server for tests: there are messages in its queue orders",
    );
    run.assert_contains("ITEST_RABBITMQ_ALLOW=127.0.0.1//");
    Ok(())
}

#[integration_test]
async fn server_without_free_disk_space_is_refused(teardown: &Teardown) -> Result {
    let server = SharedServer::start("disk_free_limit.absolute = 1000000000000000\n", teardown).await?;
    let run = run_on(&server, "messages::large_message_passes_whole").await?;
    run.assert_red().assert_contains("the alarm of the server for disk space is on, so it accepts no messages");
    Ok(())
}

#[integration_test]
#[case::scheme("http://127.0.0.1:1", "ITEST_RABBITMQ_URL is no URL of RabbitMQ; write it as amqp://")]
#[case::unreachable(
    "amqp://ann:s3cret@127.0.0.1:1",
    "at the management API of RabbitMQ, 127.0.0.1:1: Connection refused (os error 111); is the plugin rabbitmq_management enabled"
)]
async fn wrong_url_is_an_error_with_a_remedy(#[case] url: &str, #[case] expected: &str) -> Result {
    let variables = [("ITEST_RABBITMQ_URL", url), ("ITEST_RABBITMQ_MANAGEMENT_URL", "http://127.0.0.1:1")];
    run_with("messages::large_message_passes_whole", &variables).await?.assert_red().assert_contains(expected);
    Ok(())
}

#[integration_test]
async fn wrong_password_is_an_error_with_a_remedy(server: &SharedServer) -> Result {
    let [(_, url), (_, management)] = server.variables()?;
    let wrong = url.replace("s3cret", "wrong");
    let variables = [("ITEST_RABBITMQ_URL", wrong.as_str()), ("ITEST_RABBITMQ_MANAGEMENT_URL", management.as_str())];
    let run = run_with("messages::large_message_passes_whole", &variables).await?;
    run.assert_red().assert_contains("the server refuses the user or the password");
    Ok(())
}
