//! Requests, statements and connections without a limit of time, and loops that only an answer ends.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;

use crate::fixtures::clients::{RETRY_PAUSE, bounded_client, client_without_timeout, within};
use crate::fixtures::database::{LazyPoolWithDefaultTimeout, ProxiedPool};
use crate::fixtures::third_parties::{Jobs, Prices, Queue};

/// A client of the price list.
struct PriceList {
    client: Client,
    url: String,
}

#[derive(Deserialize)]
struct Price {
    cents: i64,
}

impl PriceList {
    /// The request has no timeout, because `reqwest` sets none.
    async fn price(&self, product: &str) -> Result<i64> {
        let request = self.client.get(format!("{}/prices/{product}", self.url));
        let price: Price = request.send().await?.error_for_status()?.json().await?;
        Ok(price.cents)
    }
}

#[integration_test]
async fn price_is_fetched(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/prices/book")).reply(Reply::json(200, json!({"cents": 1299})));
    let list = PriceList { client: client_without_timeout()?, url: prices.url() };

    #[act]
    let price = list.price("book").await?;

    #[assert]
    assert_eq!(price, 1299);
    Ok(())
}

/// A client of a service that runs jobs.
struct JobClient {
    client: Client,
    url: String,
}

#[derive(Deserialize)]
struct Job {
    status: String,
}

impl JobClient {
    /// The deadline is checked between the requests, and the requests themselves have no timeout.
    async fn wait_until_done(&self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < limit {
            let request = self.client.get(format!("{}/jobs/import", self.url));
            let job: Job = request.send().await?.error_for_status()?.json().await?;
            if job.status == "done" {
                return Ok(());
            }
            sleep(RETRY_PAUSE).await;
        }
        Err(format!("the job did not end within {limit:?}").into())
    }
}

#[integration_test]
async fn job_is_awaited_with_a_deadline(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let [running, done] = ["running", "done"].map(|status| Reply::json(200, json!({"status": status})));
    jobs.when(request::get("/jobs/import")).reply(Reply::sequence([running, done]));
    let client = JobClient { client: client_without_timeout()?, url: jobs.url() };

    #[act]
    let waited = client.wait_until_done(Duration::from_millis(500)).await;

    #[assert]
    assert!(waited.is_ok());
    Ok(())
}

/// A consumer of a queue from which a message is removed when it is handed out.
struct Consumer {
    client: Client,
    url: String,
}

#[derive(Deserialize)]
struct Message {
    task: String,
}

impl Consumer {
    /// The next message. If the answer with the only message is lost, the queue stays empty and the loop does not end.
    async fn next(&self) -> String {
        loop {
            if let Some(message) = self.take().await {
                return message.task;
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn take(&self) -> Option<Message> {
        let response = self.client.post(format!("{}/messages/take", self.url)).send().await.ok()?;
        if response.status() != StatusCode::OK {
            return None;
        }
        response.json().await.ok()
    }
}

#[integration_test]
async fn message_is_taken_from_a_queue(queue: &StandIn<Queue>) -> Result<()> {
    #[arrange]
    let waiting = Mutex::new(Some("bill order 1"));
    queue.when(request::post("/messages/take")).reply(Reply::with(move |_| {
        let message = waiting.lock().ok().and_then(|mut waiting| waiting.take());
        message.map_or_else(|| Reply::status(204), |task| Reply::json(200, json!({"task": task})))
    }));
    let consumer = Consumer { client: bounded_client()?, url: queue.url() };

    #[act]
    let task = consumer.next().await;

    #[assert]
    assert_eq!(task, "bill order 1");
    Ok(())
}

/// The statement has no limit of time: on a half-open connection it waits for ever.
#[integration_test]
async fn accounts_are_counted(pool: &ProxiedPool) -> Result<()> {
    #[act]
    let accounts: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(&pool.0).await?;

    #[assert]
    assert_eq!(accounts, 2);
    Ok(())
}

/// The statement has a limit of time, but the connection has only the default of the pool: 30 seconds.
#[integration_test]
async fn pool_connects_when_it_is_first_used(pool: &LazyPoolWithDefaultTimeout) -> Result<()> {
    #[act]
    let mut connection = pool.0.acquire().await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM account");
    let accounts: i64 = within(count.fetch_one(&mut *connection)).await?;

    #[assert]
    assert_eq!(accounts, 2);
    Ok(())
}
