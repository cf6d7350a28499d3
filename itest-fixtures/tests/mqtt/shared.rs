//! Tests on a broker that several runs share.

use itest::prelude::*;

use crate::nested::run;
use crate::shared_broker::SharedBroker;
use crate::workers::run_histories;

#[integration_test]
async fn tests_on_a_shared_broker_leave_nothing(teardown: &Teardown) -> Result<()> {
    let broker = SharedBroker::start("allow_anonymous true", teardown).await?;
    let run = run("cleaning::", &[], &[("ITEST_MQTT_URL", &broker.url)]).await?;
    run.assert_green().assert_contains("for one test at a time");
    assert_eq!(broker.retained().await?, [""; 0]);
    Ok(())
}

#[integration_test(timeout = "5m")]
async fn histories_on_a_shared_broker_leave_it_clean(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let broker = SharedBroker::start("allow_anonymous true", teardown).await?;
    let run = run_histories("histories::nested_history", &[("ITEST_MQTT_URL", &broker.url)], dir).await?;
    run.assert_green().assert_contains("200 passed");
    assert_eq!(broker.retained().await?, [""; 0]);
    Ok(())
}

#[integration_test]
async fn broker_with_retained_messages_of_others_is_refused_and_keeps_them(teardown: &Teardown) -> Result<()> {
    let broker = SharedBroker::start("allow_anonymous true", teardown).await?;
    broker.retain("theirs", "value").await?;
    let refused = run("messages::large", &[], &[("ITEST_MQTT_URL", &broker.url)]).await?;
    refused.assert_red().assert_contains(
        "it has a retained message on theirs. If the server is for tests, set ITEST_MQTT_ALLOW=127.0.0.1/default",
    );
    let allowed = [("ITEST_MQTT_URL", broker.url.as_str()), ("ITEST_MQTT_ALLOW", "127.0.0.1/default")];
    run("messages::large", &[], &allowed).await?.assert_green();
    assert_eq!(broker.retained().await?, ["theirs"]);
    Ok(())
}

#[integration_test]
async fn broker_that_refuses_the_user_is_named_without_the_password(teardown: &Teardown) -> Result<()> {
    let broker = SharedBroker::start("allow_anonymous false", teardown).await?;
    let url = broker.url.replace("mqtt://", "mqtt://u:s3cret@");
    let run = run("messages::large", &[], &[("ITEST_MQTT_URL", &url)]).await?;
    run.assert_red().assert_contains("the server refuses the user, the password or the permission");
    assert!(!run.text.contains("s3cret"), "{}", run.text);
    Ok(())
}

#[integration_test]
async fn url_that_is_none_is_refused_without_its_password() -> Result<()> {
    let run = run("messages::large", &[], &[("ITEST_MQTT_URL", "http://u:s3cret@h")]).await?;
    run.assert_red().assert_contains("ITEST_MQTT_URL");
    assert!(!run.text.contains("s3cret"), "{}", run.text);
    Ok(())
}
