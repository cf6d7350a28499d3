//! A cluster at a URL, on which each test has topics and groups of its own.

use itest::prelude::*;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer};

use crate::bus::Bus;
use crate::gateway::Gateway;
use crate::nested::{Run, require_nested, run};

async fn run_on(url: &str, filter: &str) -> Result<Run> {
    let run = run(filter, &["--jobs", "2"], &[("ITEST_KAFKA_URL", url)]).await?;
    assert!(!run.text.contains("s3cret"), "the output contains the password:\n{}", run.text);
    Ok(run)
}

#[integration_test]
async fn tests_share_a_mock_cluster_at_a_url_although_it_cannot_delete_topics() -> Result<()> {
    #[arrange]
    let mock: BaseProducer = ClientConfig::new().set("test.mock.num.brokers", "1").create()?;
    let servers = mock.client().mock_cluster().ok_or("no mock cluster")?.bootstrap_servers();

    #[act]
    let run = run_on(&format!("kafka://{servers}"), "isolation::").await?;

    #[assert]
    run.assert_green().assert_contains("4 passed").assert_contains(&format!(
        "Kafka at {servers} (from ITEST_KAFKA_URL), topics of its own for each test; the cluster, which may be librdkafka's mock cluster, \
         cannot create or delete topics by a request, so they stay there"
    ));
    Ok(())
}

#[integration_test]
async fn tests_on_a_shared_cluster_leave_no_topic_and_no_group(gateway: &Gateway) -> Result<()> {
    let run = run_on(&gateway.url(), "isolation::").await?;
    run.assert_green().assert_contains("4 passed").assert_contains("topics of its own for each test\n");
    let names = gateway.names();
    assert_eq!(names.created.len(), 4, "{names:?}");
    assert!(names.topics.is_empty() && names.groups.is_empty(), "{names:?}");
    Ok(())
}

#[integration_test]
async fn nested_test_is_killed(events: &Kafka, bus: &Bus) -> Result<()> {
    require_nested();
    let topic = events.topic("orders").await?;
    events.group("billing").lag("orders").await?;
    bus.send(&topic, "k", "v").await?;
    std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status()?;
    Ok(())
}

#[integration_test]
#[case::killed_worker("--jobs=1")]
#[case::killed_run("--in-process")]
async fn topics_of_a_killed_process_are_removed(#[case] argument: &str, gateway: &Gateway) -> Result<()> {
    #[act]
    let url = gateway.url();
    let variables = [("ITEST_KAFKA_URL", url.as_str())];
    let killed = run("shared::nested_test_is_killed", &[argument], &variables).await?;
    let swept = run("", &["--sweep"], &variables).await?;

    #[assert]
    killed.assert_red();
    swept.assert_green();
    eventually(async || gateway.names())
        .until(|names| names.created.len() == 1 && names.topics.is_empty() && names.groups.is_empty())
        .await?;
    Ok(())
}

#[integration_test]
async fn nested_topic_is_refused(events: &Kafka) -> Result<()> {
    require_nested();
    events.topic("refused").await?;
    Ok(())
}

#[integration_test]
async fn topic_that_the_cluster_refuses_is_an_error_with_its_reason(gateway: &Gateway) -> Result<()> {
    let run = run_on(&gateway.url(), "shared::nested_topic_is_refused").await?;
    run.assert_red().assert_contains("cannot create the topic itest-");
    run.assert_contains("-refused: a policy of the cluster forbids it (error code 44)");
    Ok(())
}

#[integration_test]
async fn nested_group_has_one_member(events: &Kafka) -> Result<()> {
    require_nested();
    events.group("billing").expect_consumers(1).await
}

#[integration_test]
async fn members_of_a_group_are_counted_on_a_cluster_that_can_do_so(gateway: &Gateway) -> Result<()> {
    run_on(&gateway.url(), "shared::nested_group_has_one_member").await?.assert_green().assert_contains("1 passed");
    Ok(())
}

#[integration_test]
#[case::scheme("http://127.0.0.1:1", "ITEST_KAFKA_URL is no URL of Kafka; write it as kafka://host:port")]
#[case::password("kafka://ann:s3cret/x@127.0.0.1:1", "percent-encode special characters of the password")]
#[case::unreachable("kafka://127.0.0.1:1,127.0.0.1:2", "cannot connect to Kafka at 127.0.0.1:2")]
#[case::other_machine(
    "kafka://ann:s3cret@kafka.example.org",
    "its host, kafka.example.org, is another machine. If the server is for tests, set ITEST_KAFKA_ALLOW=kafka.example.org/default"
)]
async fn wrong_url_is_an_error_with_a_remedy(#[case] url: &str, #[case] expected: &str) -> Result<()> {
    run_on(url, "isolation::").await?.assert_red().assert_contains(expected);
    Ok(())
}

#[integration_test]
async fn login_that_a_cluster_does_not_support_is_an_error(gateway: &Gateway) -> Result<()> {
    let run = run_on(&format!("kafka://ann:s3cret@{}", gateway.address), "isolation::").await?;
    run.assert_red().assert_contains(&format!("cannot connect to Kafka at {}", gateway.address));
    Ok(())
}

#[integration_test]
async fn server_of_another_protocol_is_an_error(teardown: &Teardown) -> Result<()> {
    #[arrange]
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let greeting = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example.org ESMTP\r\n").await;
        }
    });
    teardown.defer("stop the other server", async move { greeting.abort() });

    #[act]
    let run = run_on(&format!("kafka://{address}"), "isolation::").await?;

    #[assert]
    run.assert_red().assert_contains("does not speak Kafka");
    Ok(())
}

#[integration_test]
async fn test_is_skipped_without_a_provider_and_an_unknown_provider_is_an_error() -> Result<()> {
    let skipped = run("isolation::", &[], &[("ITEST_KAFKA", "url")]).await?;
    skipped.assert_green().assert_contains("Kafka is not available: set ITEST_KAFKA_URL to a cluster for tests");
    let unknown = run("isolation::", &[], &[("ITEST_KAFKA", "docker")]).await?;
    unknown
        .assert_red()
        .assert_contains("ITEST_KAFKA: there is no provider `docker`; write url, mock, or both with a comma");
    Ok(())
}
