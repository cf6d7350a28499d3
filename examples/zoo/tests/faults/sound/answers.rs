//! Answers that are checked, and errors that reach the caller.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fixtures::clients::bounded_client;
use crate::fixtures::third_parties::{Access, Catalog, Mailer, Payments, Prices, Storage};

/// Sends a mail. The mailer has accepted it if the status says so, whatever the body is.
async fn send_mail(client: &Client, url: &str, to: &str) -> Result<()> {
    client.post(format!("{url}/mails")).json(&json!({"to": to})).send().await?.error_for_status()?;
    Ok(())
}

#[integration_test]
async fn status_of_a_mail_is_checked(mailer: &StandIn<Mailer>) -> Result<()> {
    #[arrange]
    mailer.when(request::post("/mails")).essential().reply(Reply::json(202, json!({"accepted": true})));
    let client = bounded_client()?;

    #[act]
    let sent = send_mail(&client, &mailer.url(), "ada").await;

    #[assert]
    assert!(sent.is_ok());
    Ok(())
}

/// Pays an order, which stays open if the charge fails.
async fn pay(client: &Client, url: &str) -> &'static str {
    let request = client.post(format!("{url}/charges")).json(&json!({"order": 1}));
    let charged = async { request.send().await?.error_for_status()?.json::<Value>().await };
    if charged.await.is_ok() { "paid" } else { "open" }
}

#[integration_test]
async fn order_stays_open_without_a_charge(payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).essential().reply(Reply::json(201, json!({"id": "charge_1"})));
    let client = bounded_client()?;

    #[act]
    let state = pay(&client, &payments.url()).await;

    #[assert]
    assert_eq!(state, "paid");
    Ok(())
}

/// A test that accepts both states asserts that the state says whether the charge was made.
#[integration_test]
async fn state_of_an_order_says_whether_it_is_charged(payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    let charge = payments.when(request::post("/charges")).reply(Reply::json(201, json!({"id": "charge_1"})));
    let client = bounded_client()?;

    #[act]
    let state = pay(&client, &payments.url()).await;

    #[assert]
    assert!(state == "open" || charge.count() == 1);
    Ok(())
}

#[derive(Deserialize)]
struct Page {
    items: Vec<String>,
    next: Option<String>,
}

/// Lists all items of a catalog, or none.
async fn all_items(client: &Client, url: &str) -> Result<Vec<String>> {
    let mut items = Vec::new();
    let mut next = Some("first".to_owned());
    while let Some(page) = next {
        let response = client.get(format!("{url}/pages/{page}")).send().await?;
        let page: Page = response.error_for_status()?.json().await?;
        items.extend(page.items);
        next = page.next;
    }
    Ok(items)
}

#[integration_test]
async fn refused_page_is_an_error(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog.when(request::get("/pages/first")).reply(Reply::json(200, json!({"items": ["atlas"], "next": "last"})));
    catalog.when(request::get("/pages/last")).essential().reply(Reply::json(200, json!({"items": ["globe"]})));
    let client = bounded_client()?;

    #[act]
    let items = all_items(&client, &catalog.url()).await?;

    #[assert]
    assert!(items.contains(&"atlas".to_owned()));
    Ok(())
}

/// Makes a backup, and returns the line of its log.
async fn back_up(client: &Client, url: &str) -> String {
    let upload = client.put(format!("{url}/backups/monday")).body("all rows");
    let stored = async { upload.send().await?.error_for_status()?.json::<Value>().await };
    match stored.await {
        Ok(_) => "backup finished".to_owned(),
        Err(error) => format!("backup failed: {error}"),
    }
}

#[integration_test]
async fn log_says_that_the_upload_failed(storage: &StandIn<Storage>) -> Result<()> {
    #[arrange]
    storage.when(request::put("/backups/{day}")).essential().reply(Reply::json(200, json!({"stored": true})));
    let client = bounded_client()?;

    #[act]
    let log = back_up(&client, &storage.url()).await;

    #[assert]
    assert_eq!(log, "backup finished");
    Ok(())
}

/// Exchange rates, which are fetched once.
struct Rates {
    client: Client,
    url: String,
    cached: Mutex<HashMap<String, Value>>,
}

impl Rates {
    /// The rate of a currency. Only a rate is cached, and no error.
    async fn rate(&self, currency: &str) -> Result<Value> {
        if let Some(rate) = self.cached.lock().unwrap_or_else(PoisonError::into_inner).get(currency) {
            return Ok(rate.clone());
        }
        let response = self.client.get(format!("{}/rates/{currency}", self.url)).send().await?;
        let rate: Value = response.error_for_status()?.json().await?;
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).insert(currency.to_owned(), rate.clone());
        Ok(rate)
    }
}

#[integration_test]
async fn error_is_not_cached(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/rates/eur")).essential().reply(Reply::json(200, json!({"rate": 1.08})));
    let rates = Rates { client: bounded_client()?, url: prices.url(), cached: Mutex::default() };

    #[act]
    let header = rates.rate("eur").await.unwrap_or(Value::Null);
    let body = rates.rate("eur").await?;

    #[assert]
    assert!(header.is_null() || header == body);
    assert_eq!(body["rate"], 1.08);
    Ok(())
}

/// The status of the service's own health check, which depends on the answer of a dependency.
async fn health(client: &Client, url: &str) -> u16 {
    let ask = async { client.get(format!("{url}/health")).send().await?.error_for_status()?.json::<Value>().await };
    if ask.await.is_ok_and(|health| health["status"] == "up") { 200 } else { 503 }
}

#[integration_test]
async fn health_depends_on_the_dependency(storage: &StandIn<Storage>) -> Result<()> {
    #[arrange]
    storage.when(request::get("/health")).essential().reply(Reply::json(200, json!({"status": "up"})));
    let client = bounded_client()?;

    #[act]
    let status = health(&client, &storage.url()).await;

    #[assert]
    assert_eq!(status, 200);
    Ok(())
}

/// Whether a user may read a document. Without a decision the answer is no.
async fn may_read(client: &Client, url: &str, user: &str) -> bool {
    let ask = async { client.get(format!("{url}/decisions/{user}")).send().await?.error_for_status()?.json().await };
    let decision: reqwest::Result<Value> = ask.await;
    decision.is_ok_and(|decision| decision["allowed"] == true)
}

#[integration_test]
async fn reader_without_a_decision_is_refused(access: &StandIn<Access>) -> Result<()> {
    #[arrange]
    access.when(request::get("/decisions/{user}")).essential().reply(Reply::json(200, json!({"allowed": true})));
    let client = bounded_client()?;

    #[act]
    let allowed = may_read(&client, &access.url(), "ada").await;

    #[assert]
    assert!(allowed);
    Ok(())
}

/// The number of requests that are left, if the answer says it.
async fn remaining_requests(client: &Client, url: &str) -> Result<Option<String>> {
    let response = client.get(format!("{url}/limits")).send().await?.error_for_status()?;
    let header = response.headers().get("x-remaining");
    Ok(header.and_then(|remaining| remaining.to_str().ok()).map(str::to_owned))
}

#[integration_test]
async fn missing_header_is_no_panic(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    let limits = Reply::json(200, json!({"plan": "free"})).header("x-remaining", "41");
    prices.when(request::get("/limits")).reply(limits);
    let client = bounded_client()?;

    #[act]
    let remaining = remaining_requests(&client, &prices.url()).await?;

    #[assert]
    assert_eq!(remaining.as_deref(), Some("41"));
    Ok(())
}

/// The test itself expects success in the phase in which it calls the service. That is an assertion, and no panic of the service.
#[integration_test]
#[expect(clippy::unwrap_used, reason = "the assertion of this test")]
async fn test_expects_a_rate(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/rates/eur")).reply(Reply::json(200, json!({"rate": 1.08})));
    let rates = Rates { client: bounded_client()?, url: prices.url(), cached: Mutex::default() };

    #[act]
    let rate = rates.rate("eur").await.unwrap();
    assert!(rate["rate"].is_number(), "the rate is {rate}");

    #[assert]
    assert_eq!(rate["rate"], 1.08);
    Ok(())
}
