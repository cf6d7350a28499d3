//! The service at a URL: which URLs are refused, and what is left there.

use itest::prelude::*;
use itest::service::{AnyService, ServiceOf};

use crate::nested::{require_nested, run};
use crate::{Store, keys, set};

/// A service that has neither a program nor an image.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl AnyService for Nowhere {
    const NAME: &'static str = "Nowhere";
    const VARIABLE: &'static str = "TEST_NOWHERE";
    const PORT: u16 = 6379;
}

#[integration_test]
async fn nested_uses_the_store(store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    set(store, "cart").await
}

#[integration_test]
async fn nested_is_aborted_while_it_uses_the_store(store: &ServiceOf<Store>) -> Result<()> {
    require_nested();
    set(store, "cart").await?;
    std::process::abort();
}

#[integration_test(ignore = "only a nested run executes this test, because no provider has its service")]
fn needs_a_service_that_is_nowhere(_nowhere: &ServiceOf<Nowhere>) {}

#[integration_test]
async fn service_at_a_url_is_used_and_cleaned(store: &ServiceOf<Store>) -> Result<()> {
    #[arrange]
    let of_others = keys(store.url()).await?;
    let at_url = [("TEST_STORE_URL", store.url())];

    #[act]
    let green = run("nested_uses_the_store", &["--show-output"], &at_url).await?;
    let aborted = run("nested_is_aborted_while_it_uses_the_store", &[], &at_url).await?;

    #[assert]
    green.assert_green();
    green.assert_contains(&format!("used: Store, {}:{} (from TEST_STORE_URL)", store.host(), store.port()));
    aborted.assert_red().assert_contains("SIGABRT");
    let left: Vec<String> = keys(store.url()).await?.into_iter().filter(|key| !of_others.contains(key)).collect();
    assert_eq!(left, Vec::<String>::new());
    Ok(())
}

#[integration_test]
#[case::no_url("Store", "TEST_STORE_URL is no URL of Store; write it as redis://:***@localhost:6379/0")]
#[case::no_server("redis://127.0.0.1:1/0", "Connection refused")]
#[case::another_machine(
    "redis://store.example.com/0",
    "TEST_STORE_URL does not look like a server for tests: its host, store.example.com, is another machine. If the server is for tests, \
     set ITEST_SERVICE_ALLOW=store.example.com/Store"
)]
async fn url_that_cannot_be_used_is_refused(#[case] url: &str, #[case] message: &str) -> Result<()> {
    let refused = run("nested_uses_the_store", &[], &[("TEST_STORE_URL", url)]).await?;
    refused.assert_red().assert_contains(message);
    Ok(())
}

#[integration_test]
async fn service_without_a_provider_skips_its_tests() -> Result<()> {
    let skipped = run("needs_a_service_that_is_nowhere", &["--ignored", "--show-output"], &[]).await?;
    skipped.assert_green().assert_contains("set TEST_NOWHERE_URL to a server for tests, or install its program");
    let required = run("needs_a_service_that_is_nowhere", &["--ignored", "--require", "all"], &[]).await?;
    required.assert_red();
    Ok(())
}
