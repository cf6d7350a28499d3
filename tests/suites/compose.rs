//! Tests that use the services of a compose file, which the test that starts this suite has written.

use std::time::Duration;

use itest::compose::{Compose, Project, Stack, StackOptions};
use itest::prelude::*;
use serde::{Deserialize, Serialize};

itest::main!();

/// The services of the compose file.
struct Shop;

impl Stack for Shop {
    const FILE: &str = "compose.yaml";
    const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

    fn options(options: StackOptions) -> StackOptions {
        options.one_shot("seed").port("store", 7000)
    }
}

/// The services of a compose file without `seed`.
struct Other;

impl Stack for Other {
    const FILE: &str = "compose.yaml";
    const STARTUP_TIMEOUT: Duration = Duration::from_secs(4);
}

/// One service of the file.
struct Part;

impl Stack for Part {
    const FILE: &str = "compose.yaml";

    fn options(options: StackOptions) -> StackOptions {
        let service = std::env::var("SUITE_SERVICE").unwrap_or_default();
        options.service(service).env("TAG", "7-alpine").profile("extra")
    }
}

/// A value that a fixture of the session has written to the store.
#[derive(Debug, Serialize, Deserialize)]
struct Catalog(String);

#[fixture(scope = "session")]
async fn catalog(shop: &Project<Shop>) -> Result<Catalog> {
    let url = format!("redis://{}", shop.address("store", 6379)?);
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let number: u32 = redis::cmd("INCR").arg("catalogs").query_async(&mut connection).await?;
    Ok(Catalog(format!("catalog {number}")))
}

async fn value(shop: &Compose<Shop>, key: &str) -> Result<Option<String>> {
    let url = format!("redis://{}", shop.address("store", 6379)?);
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    Ok(redis::cmd("GET").arg(key).query_async(&mut connection).await?)
}

#[integration_test]
async fn one_shot_service_has_ended(#[values(1, 2)] _again: u32, shop: &Compose<Shop>) -> Result<()> {
    assert_eq!(value(shop, "seeded").await?.as_deref(), Some("yes"));
    assert!(shop.address("seed", 6379).is_err(), "it has ended");
    Ok(())
}

#[integration_test]
async fn session_fixture_uses_the_services_once(
    #[values(1, 2)] _again: u32,
    catalog: &Catalog,
    shop: &Compose<Shop>,
) -> Result<()> {
    assert_eq!(catalog.0, "catalog 1");
    assert_eq!(value(shop, "catalogs").await?.as_deref(), Some("1"));
    Ok(())
}

#[integration_test]
async fn log_and_urls_of_a_service_are_available(shop: &Compose<Shop>) -> Result<()> {
    assert!(shop.logs("store").await?.contains("Ready to accept connections"));
    assert_eq!(shop.url("store", 6379)?, format!("http://{}", shop.address("store", 6379)?));
    assert!(shop.address("store", 7000).is_ok(), "the port is added by the options");
    Ok(())
}

#[integration_test(tags("other"))]
async fn other_services_are_ready(other: &Compose<Other>) -> Result<()> {
    println!("{}", other.name());
    Ok(())
}

#[integration_test(tags("part"))]
async fn part_of_the_services_is_ready(part: &Compose<Part>) -> Result<()> {
    println!("{part:?}");
    Ok(())
}

#[integration_test(ignore = "waits for a signal", tags("waits"))]
async fn waits_forever(_shop: &Compose<Shop>) {
    println!("ready");
    tokio::time::sleep(Duration::from_secs(50)).await;
}

/// The test that starts this suite kills the store.
#[integration_test(ignore = "waits for the end of the store", tags("waits"))]
async fn uses_the_store_until_it_ends(shop: &Compose<Shop>) -> Result<()> {
    println!("ready");
    let ends = async || value(shop, "seeded").await.map(|_| "it runs").map_err(|error| error.to_string());
    eventually(ends).within(Duration::from_secs(30)).until(Result::is_err).await?.map(drop).map_err(Into::into)
}

#[integration_test(ignore = "fails on purpose")]
async fn fails_after_a_request(shop: &Compose<Shop>) -> Result<()> {
    let url = format!("redis://{}", shop.address("store", 6379)?);
    let mut connection = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let _: () = redis::cmd("SAVE").query_async(&mut connection).await?;
    Err("the answer is wrong".into())
}
