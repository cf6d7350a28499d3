//! A private service that hangs is killed and started again, and only the test that was using it fails.

use std::time::Duration;

use itest::prelude::*;
use itest::redis::{Client, cmd};
use itest::service::ServiceOf;

use crate::nested::{require_nested, run};
use crate::{Store, set};

/// Stops the process of the service, which then neither answers nor ends.
#[integration_test]
async fn nested_1_stops_the_service(store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    let mut connection = Client::open(store.url())?.get_multiplexed_async_connection().await?;
    let info: String = cmd("INFO").arg("server").query_async(&mut connection).await?;
    let id = info.lines().find_map(|line| line.strip_prefix("process_id:")).ok_or("no process id")?;
    std::process::Command::new("kill").args(["-STOP", id.trim()]).status()?;
    // The server closes the connection when it is killed.
    connection.set_response_timeout(Duration::from_mins(1));
    assert!(cmd("PING").exec_async(&mut connection).await.is_err());
    Ok(())
}

#[integration_test]
async fn nested_2_uses_the_service_after_it_hung(#[values(1, 2)] _again: u32, store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    set(store, "cart").await
}

#[integration_test]
async fn service_that_hangs_fails_only_the_test_that_was_using_it() -> Result<()> {
    let arguments = ["--order", "declared", "--jobs", "1", "--health-check-timeout", "3s"];
    let run = run("hung::nested_", &arguments, &[]).await?;
    run.assert_red()
        .assert_contains("2 passed; 1 failed")
        .assert_contains("means nothing (itest has killed it, because it left 2 health checks unanswered for 3s each)");
    Ok(())
}
