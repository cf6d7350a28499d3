//! Answers that are not read, not checked, or replaced by something that looks like success.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde::Deserialize;
use serde_json::json;

use crate::fixtures::clients::bounded_client;
use crate::fixtures::third_parties::{Catalog, Mailer, Payments, Prices, Storage};

/// Sends a mail. An error of the connection is returned, but the status of the answer is not checked.
async fn send_mail(client: &Client, url: &str, to: &str) -> Result<()> {
    client.post(format!("{url}/mails")).json(&json!({"to": to})).send().await?;
    Ok(())
}

#[integration_test]
async fn mail_is_sent(mailer: &StandIn<Mailer>) -> Result<()> {
    #[arrange]
    mailer.when(request::post("/mails")).essential().reply(Reply::json(202, json!({"accepted": true})));
    let client = bounded_client()?;

    #[act]
    let sent = send_mail(&client, &mailer.url(), "ada").await;

    #[assert]
    assert!(sent.is_ok());
    Ok(())
}

/// Pays an order. The error of the charge is dropped, and the order is paid in any case.
async fn pay(client: &Client, url: &str) -> &'static str {
    let request = client.post(format!("{url}/charges")).json(&json!({"order": 1}));
    let _ = request.send().await.and_then(reqwest::Response::error_for_status);
    "paid"
}

#[integration_test]
async fn order_is_paid(payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).essential().reply(Reply::json(201, json!({"id": "charge_1"})));
    let client = bounded_client()?;

    #[act]
    let state = pay(&client, &payments.url()).await;

    #[assert]
    assert_eq!(state, "paid");
    Ok(())
}

#[derive(Deserialize)]
struct Page {
    items: Vec<String>,
    next: Option<String>,
}

/// Lists all items of a catalog. A page that is refused ends the list as if it were the last one.
async fn all_items(client: &Client, url: &str) -> Result<Vec<String>> {
    let mut items = Vec::new();
    let mut next = Some("first".to_owned());
    while let Some(page) = next {
        let response = client.get(format!("{url}/pages/{page}")).send().await?;
        if !response.status().is_success() {
            break;
        }
        let page: Page = response.json().await?;
        items.extend(page.items);
        next = page.next;
    }
    Ok(items)
}

#[integration_test]
async fn items_of_all_pages_are_listed(catalog: &StandIn<Catalog>) -> Result<()> {
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

/// Makes a backup, and returns the line of its log. The outcome of the upload is not in it.
async fn back_up(client: &Client, url: &str) -> &'static str {
    let _ = client.put(format!("{url}/backups/monday")).body("all rows").send().await;
    "backup finished"
}

#[integration_test]
async fn backup_is_uploaded(storage: &StandIn<Storage>) -> Result<()> {
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
    cached: Mutex<HashMap<String, String>>,
}

impl Rates {
    /// The page of a currency. The page of an error is cached like any other.
    async fn page(&self, currency: &str) -> Result<String> {
        if let Some(page) = self.cached.lock().unwrap_or_else(PoisonError::into_inner).get(currency) {
            return Ok(page.clone());
        }
        let page = self.client.get(format!("{}/rates/{currency}", self.url)).send().await?.text().await?;
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).insert(currency.to_owned(), page.clone());
        Ok(page)
    }
}

#[integration_test]
async fn rate_is_fetched_once(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/rates/eur")).essential().reply(Reply::text(200, "1 EUR = 1.08 USD"));
    let rates = Rates { client: bounded_client()?, url: prices.url(), cached: Mutex::default() };

    #[act]
    let first = rates.page("eur").await?;
    let second = rates.page("eur").await?;

    #[assert]
    assert_eq!(first, second);
    Ok(())
}

/// The status of the service's own health check, which asks a dependency and ignores the answer.
async fn health(client: &Client, url: &str) -> u16 {
    let _ = client.get(format!("{url}/health")).send().await;
    200
}

#[integration_test]
async fn service_is_healthy(storage: &StandIn<Storage>) -> Result<()> {
    #[arrange]
    storage.when(request::get("/health")).essential().reply(Reply::json(200, json!({"status": "up"})));
    let client = bounded_client()?;

    #[act]
    let status = health(&client, &storage.url()).await;

    #[assert]
    assert_eq!(status, 200);
    Ok(())
}
