//! Attempts that are limited in number and time, and safe to repeat.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::fixtures::clients::{REQUEST_TIMEOUT, RETRY_PAUSE, bounded_client};
use crate::fixtures::third_parties::{Catalog, Storage};

/// The number of times that a request is sent.
const ATTEMPTS: u32 = 3;

/// The longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// A client of a supplier.
struct Supplier {
    client: Client,
    url: String,
}

impl Supplier {
    fn new(catalog: &StandIn<Catalog>) -> Result<Self> {
        catalog.when(request::get("/products")).essential().reply(Reply::json(200, ["atlas", "globe"]));
        Ok(Self { client: bounded_client()?, url: catalog.url() })
    }

    async fn send(&self) -> reqwest::Result<Response> {
        self.client.get(format!("{}/products", self.url)).send().await
    }

    async fn products_once(&self) -> reqwest::Result<Vec<String>> {
        self.send().await?.error_for_status()?.json().await
    }

    /// Reading twice changes nothing, so that each error may be followed by another attempt.
    async fn products(&self) -> Result<Vec<String>> {
        let mut last = self.products_once().await;
        for _ in 1..ATTEMPTS {
            if last.is_ok() {
                break;
            }
            sleep(RETRY_PAUSE).await;
            last = self.products_once().await;
        }
        Ok(last?)
    }

    /// Waits as long as the server asks for, but not longer than [`MAX_PAUSE`].
    async fn products_after_a_pause(&self) -> Result<Vec<String>> {
        let mut response = self.send().await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            sleep(pause_of(&response).min(MAX_PAUSE)).await;
            response = self.send().await?;
        }
        Ok(response.error_for_status()?.json().await?)
    }

    /// Gives up at once if the server refuses requests for now.
    async fn products_unless_limited(&self) -> Result<Vec<String>> {
        for _ in 1..ATTEMPTS {
            let Ok(response) = self.send().await else { continue };
            if response.status() == StatusCode::TOO_MANY_REQUESTS {
                return Err("the server refuses requests for now".into());
            }
            if let Ok(response) = response.error_for_status()
                && let Ok(products) = response.json().await
            {
                return Ok(products);
            }
        }
        Ok(self.products_once().await?)
    }
}

/// The pause that a server asks for, in seconds.
fn pause_of(response: &Response) -> Duration {
    let header = response.headers().get(RETRY_AFTER).and_then(|header| header.to_str().ok());
    Duration::from_secs(header.and_then(|seconds| seconds.parse().ok()).unwrap_or_default())
}

#[integration_test]
async fn read_is_tried_again(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let supplier = Supplier::new(catalog)?;

    #[act]
    let products = supplier.products().await?;

    #[assert]
    assert_eq!(products.len(), 2);
    Ok(())
}

#[integration_test]
async fn all_attempts_share_a_deadline(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let supplier = Supplier::new(catalog)?;

    #[act]
    let products = timeout(REQUEST_TIMEOUT * 2, supplier.products()).await??;

    #[assert]
    assert_eq!(products.len(), 2);
    Ok(())
}

#[integration_test]
async fn pause_of_a_limited_rate_is_capped(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let supplier = Supplier::new(catalog)?;

    #[act]
    let products = supplier.products_after_a_pause().await?;

    #[assert]
    assert_eq!(products.len(), 2);
    Ok(())
}

#[integration_test]
async fn limited_rate_ends_the_attempts(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let supplier = Supplier::new(catalog)?;

    #[act]
    let products = supplier.products_unless_limited().await?;

    #[assert]
    assert_eq!(products.len(), 2);
    Ok(())
}

/// After a failure, a breaker refuses calls without sending them.
struct Breaker {
    supplier: Supplier,
    is_open: AtomicBool,
}

impl Breaker {
    async fn products(&self) -> Option<Vec<String>> {
        if self.is_open.load(Ordering::Relaxed) {
            return None;
        }
        let products = self.supplier.products_once().await.ok();
        self.is_open.store(products.is_none(), Ordering::Relaxed);
        products
    }
}

/// The supplier is asked for suggestions only, which a page can do without.
#[integration_test]
async fn breaker_refuses_calls_after_a_failure(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog.when(request::get("/products")).reply(Reply::json(200, ["atlas", "globe"]));
    let supplier = Supplier { client: bounded_client()?, url: catalog.url() };
    let breaker = Breaker { supplier, is_open: AtomicBool::new(false) };

    #[act]
    let first = breaker.products().await;
    let second = breaker.products().await;

    #[assert]
    assert!(second.is_some() || breaker.is_open.load(Ordering::Relaxed));
    assert!(first.is_some() || second.is_none(), "the breaker sends nothing after a failure");
    Ok(())
}

/// Writing the same file again changes nothing.
#[integration_test]
async fn upload_is_repeated(storage: &StandIn<Storage>) -> Result<()> {
    #[arrange]
    storage.when(request::put("/files/report")).essential().reply(Reply::json(200, json!({"stored": true})));
    let (client, url) = (bounded_client()?, format!("{}/files/report", storage.url()));
    let upload = async || -> reqwest::Result<Value> {
        client.put(&url).body("rows").send().await?.error_for_status()?.json().await
    };

    #[act]
    let stored = match upload().await {
        Ok(stored) => stored,
        Err(_) => upload().await?,
    };

    #[assert]
    assert_eq!(stored["stored"], true);
    Ok(())
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

/// Creates a bucket. A bucket that exists has been created by an attempt whose answer was lost, because its name is unique.
async fn create_bucket(client: &Client, url: &str, name: &str) -> Result<String> {
    for _ in 0..ATTEMPTS {
        let request = client.post(format!("{url}/buckets")).json(&json!({"name": name}));
        if let Ok(response) = request.send().await {
            match response.status() {
                StatusCode::CONFLICT => return Ok(name.to_owned()),
                StatusCode::CREATED => {
                    if let Ok(bucket) = response.json::<Bucket>().await {
                        return Ok(bucket.name);
                    }
                }
                _ => {}
            }
        }
        sleep(RETRY_PAUSE).await;
    }
    Err(format!("the bucket {name} could not be created").into())
}

#[integration_test]
async fn existing_bucket_counts_as_created(storage: &StandIn<Storage>) -> Result<()> {
    #[arrange]
    storage.when(request::post("/buckets")).essential().reply(Reply::sequence([
        Reply::json(201, json!({"name": "photos"})),
        Reply::json(409, json!({"problem": "the bucket exists"})),
    ]));
    let client = bounded_client()?;

    #[act]
    let created = create_bucket(&client, &storage.url(), "photos").await?;

    #[assert]
    assert_eq!(created, "photos");
    Ok(())
}
