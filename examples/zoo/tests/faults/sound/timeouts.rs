//! Requests, statements and connections with a limit of time.

use std::time::{Duration, Instant};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::fixtures::clients::{REQUEST_TIMEOUT, RETRY_PAUSE, bounded_client, client_without_timeout, within};
use crate::fixtures::database::{LazyPool, ProxiedPool};
use crate::fixtures::third_parties::{Jobs, Prices};

/// Gets a JSON value.
async fn get(client: &Client, url: String) -> reqwest::Result<Value> {
    client.get(url).send().await?.error_for_status()?.json().await
}

#[integration_test]
async fn price_is_fetched_within_a_limit(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/prices/book")).essential().reply(Reply::json(200, json!({"cents": 1299})));
    let client = bounded_client()?;

    #[act]
    let price = get(&client, format!("{}/prices/book", prices.url())).await?;

    #[assert]
    assert_eq!(price["cents"], 1299);
    Ok(())
}

/// The client limits the time in which it connects and the time without a byte, instead of the whole request.
#[integration_test]
async fn price_is_fetched_with_a_limit_of_silence(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/prices/book")).essential().reply(Reply::json(200, json!({"cents": 1299})));
    let client = Client::builder().no_proxy().connect_timeout(REQUEST_TIMEOUT).read_timeout(REQUEST_TIMEOUT).build()?;

    #[act]
    let price = get(&client, format!("{}/prices/book", prices.url())).await?;

    #[assert]
    assert_eq!(price["cents"], 1299);
    Ok(())
}

/// The requests have no limit of their own, but all requests of the page have one together.
#[integration_test]
async fn requests_of_a_page_share_a_deadline(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/prices/{product}")).reply(Reply::json(200, json!({"cents": 1299})));
    let (client, url) = (client_without_timeout()?, prices.url());

    #[act]
    let page = async {
        let atlas = get(&client, format!("{url}/prices/atlas")).await?;
        let globe = get(&client, format!("{url}/prices/globe")).await?;
        reqwest::Result::Ok([atlas, globe])
    };
    let [atlas, globe] = timeout(REQUEST_TIMEOUT * 2, page).await??;

    #[assert]
    assert_eq!(atlas, globe);
    Ok(())
}

#[derive(Deserialize)]
struct Job {
    status: String,
}

/// A client of a service that runs jobs.
struct JobClient {
    client: Client,
    url: String,
}

impl JobClient {
    fn new(jobs: &StandIn<Jobs>) -> Result<Self> {
        let [running, done] = ["running", "done"].map(|status| Reply::json(200, json!({"status": status})));
        jobs.when(request::get("/jobs/import")).essential().reply(Reply::sequence([running, done]));
        Ok(Self { client: bounded_client()?, url: jobs.url() })
    }

    async fn poll(&self) -> reqwest::Result<Job> {
        self.client.get(format!("{}/jobs/import", self.url)).send().await?.error_for_status()?.json().await
    }

    /// Polls until the job is done. The deadline and the limit of each request bound the time together.
    async fn wait_until_done(&self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < limit {
            if self.poll().await?.status == "done" {
                return Ok(());
            }
            sleep(RETRY_PAUSE).await;
        }
        Err("the job did not end in time".into())
    }

    /// Polls until the job is done, and tolerates failed polls.
    async fn wait_with_failed_polls(&self, polls: u32) -> Result<()> {
        for _ in 0..polls {
            if self.poll().await.is_ok_and(|job| job.status == "done") {
                return Ok(());
            }
            sleep(RETRY_PAUSE).await;
        }
        Err("the job did not end in time".into())
    }
}

#[integration_test]
async fn job_is_awaited_with_bounded_polls(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let client = JobClient::new(jobs)?;

    #[act]
    let waited = client.wait_until_done(Duration::from_millis(200)).await;

    #[assert]
    assert!(waited.is_ok());
    Ok(())
}

#[integration_test]
async fn failed_poll_is_followed_by_another_one(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let client = JobClient::new(jobs)?;

    #[act]
    let waited = client.wait_with_failed_polls(4).await;

    #[assert]
    assert!(waited.is_ok());
    Ok(())
}

#[integration_test]
async fn statement_has_a_limit(pool: &ProxiedPool) -> Result<()> {
    #[act]
    let count = sqlx::query_scalar("SELECT count(*) FROM account");
    let accounts: i64 = within(count.fetch_one(&pool.0)).await?;

    #[assert]
    assert_eq!(accounts, 2);
    Ok(())
}

/// The pool gives up if it gets no connection in time.
#[integration_test]
async fn connection_has_a_limit(pool: &LazyPool) -> Result<()> {
    #[act]
    let mut connection = pool.0.acquire().await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM account");
    let accounts: i64 = within(count.fetch_one(&mut *connection)).await?;

    #[assert]
    assert_eq!(accounts, 2);
    Ok(())
}

/// Connecting and asking share a limit, and a second attempt gets another connection.
#[integration_test]
async fn lost_connection_is_replaced(pool: &LazyPool) -> Result<()> {
    #[act]
    let count = || sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(&pool.0);
    let first: Result<i64> = within(count()).await;
    let accounts = match first {
        Ok(accounts) => accounts,
        Err(_) => count().await?,
    };

    #[assert]
    assert_eq!(accounts, 2);
    Ok(())
}
