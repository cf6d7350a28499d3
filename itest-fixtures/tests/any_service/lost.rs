//! A private service that ends is started again, and only the test that was using it fails.

use std::time::Duration;

use itest::prelude::*;
use itest::redis::{Client, cmd};
use itest::service::ServiceOf;

use crate::nested::{require_nested, run};
use crate::{Store, set};

#[integration_test]
async fn nested_a_ends_the_service(store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    let mut connection = Client::open(store.url())?.get_multiplexed_async_connection().await?;
    let ended = cmd("SHUTDOWN").arg("NOSAVE").query_async::<()>(&mut connection).await;
    assert!(ended.is_err());
    Ok(())
}

/// The test succeeds, but the service has lost what the test wrote.
#[integration_test]
async fn nested_a_ends_the_service_and_waits_for_its_return(store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    let mut connection = Client::open(store.url())?.get_multiplexed_async_connection().await?;
    let ended = cmd("SHUTDOWN").arg("NOSAVE").query_async::<()>(&mut connection).await;
    assert!(ended.is_err());
    eventually(async || set(store, "cart").await).within(Duration::from_secs(20)).succeeds().await?;
    Ok(())
}

#[integration_test]
async fn nested_b_uses_the_service_after_its_end(#[values(1, 2)] _again: u32, store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    set(store, "cart").await
}

#[integration_test]
async fn end_of_the_service_fails_only_the_test_that_was_using_it() -> Result<()> {
    let run = run("lost::nested_", &["--order", "declared", "--jobs", "1"], &[]).await?;
    run.assert_red()
        .assert_contains("2 passed; 2 failed")
        .assert_contains("so the result of the test means nothing: cannot connect to ")
        .assert_contains("so the result of the test means nothing; it was started again");
    Ok(())
}
