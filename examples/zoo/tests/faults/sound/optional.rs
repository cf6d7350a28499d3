//! Calls that a service can do without: their failures change nothing that matters.

use std::sync::{Mutex, PoisonError};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::fixtures::clients::{bounded_client, within};
use crate::fixtures::database::ProxiedPool;
use crate::fixtures::third_parties::{Catalog, Mailer, Metrics, Prices, Profiles};

/// Gets a JSON value.
async fn get(client: &Client, url: String) -> reqwest::Result<Value> {
    client.get(url).send().await?.error_for_status()?.json().await
}

/// A page without suggestions is a page.
#[integration_test]
async fn page_is_shown_without_suggestions(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog.when(request::get("/suggestions")).reply(Reply::json(200, ["globe"]));
    let client = bounded_client()?;

    #[act]
    let suggestions = get(&client, format!("{}/suggestions", catalog.url())).await;
    let page = json!({"title": "Atlas", "suggestions": suggestions.unwrap_or_else(|_| json!([]))});

    #[assert]
    assert_eq!(page["title"], "Atlas");
    assert!(page["suggestions"].is_array());
    Ok(())
}

/// The last known price is shown with its age if the source does not answer.
#[integration_test]
async fn last_known_price_is_shown(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/prices/book")).reply(Reply::json(200, json!({"cents": 1299})));
    let (client, last_known) = (bounded_client()?, json!({"cents": 1250, "age": "a day"}));

    #[act]
    let price = get(&client, format!("{}/prices/book", prices.url())).await.unwrap_or(last_known);

    #[assert]
    assert!(price["cents"] == 1299 || price["age"] == "a day");
    Ok(())
}

/// The second mirror has the same file as the first.
#[integration_test]
async fn second_mirror_answers(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog.when(request::get("/mirror-a/index")).reply(Reply::json(200, ["atlas"]));
    catalog.when(request::get("/mirror-b/index")).optional().reply(Reply::json(200, ["atlas"]));
    let (client, url) = (bounded_client()?, catalog.url());

    #[act]
    let index = match get(&client, format!("{url}/mirror-a/index")).await {
        Ok(index) => index,
        Err(_) => get(&client, format!("{url}/mirror-b/index")).await?,
    };

    #[assert]
    assert_eq!(index, json!(["atlas"]));
    Ok(())
}

/// An order counts with or without its measurement.
#[integration_test]
async fn measurement_may_get_lost(metrics: &StandIn<Metrics>) -> Result<()> {
    #[arrange]
    metrics.when(request::post("/points")).reply(Reply::json(202, json!({"accepted": true})));
    let (client, url) = (bounded_client()?, metrics.url());

    #[act]
    let sending = tokio::spawn(async move { client.post(format!("{url}/points")).body("orders 1").send().await });
    let order = "placed";
    // The result does not matter, but the task must end with the test.
    let _ = sending.await;

    #[assert]
    assert_eq!(order, "placed");
    Ok(())
}

/// Mails that could not be sent wait for the next attempt.
#[derive(Default)]
struct WaitingMails(Mutex<Vec<String>>);

impl WaitingMails {
    /// Sends a mail, or keeps it.
    async fn send(&self, client: &Client, url: &str, to: &str) -> bool {
        let request = client.post(format!("{url}/mails")).json(&json!({"to": to}));
        let is_sent = request.send().await.and_then(reqwest::Response::error_for_status).is_ok();
        if !is_sent {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(to.to_owned());
        }
        is_sent
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[integration_test]
async fn unsent_mail_waits(mailer: &StandIn<Mailer>) -> Result<()> {
    #[arrange]
    mailer.when(request::post("/mails")).reply(Reply::json(202, json!({"accepted": true})));
    let (client, waiting) = (bounded_client()?, WaitingMails::default());

    #[act]
    let is_sent = waiting.send(&client, &mailer.url(), "ada").await;

    #[assert]
    assert_eq!(waiting.count(), usize::from(!is_sent));
    Ok(())
}

/// The greeting has a name if the profile is there.
#[integration_test]
async fn user_is_greeted_without_a_name(profiles: &StandIn<Profiles>) -> Result<()> {
    #[arrange]
    profiles.when(request::get("/users/ada")).reply(Reply::json(200, json!({"name": "Ada"})));
    let client = bounded_client()?;

    #[act]
    let profile = get(&client, format!("{}/users/ada", profiles.url())).await.unwrap_or_default();
    let greeting = format!("Hello, {}!", profile["name"].as_str().unwrap_or("friend"));

    #[assert]
    assert!(["Hello, Ada!", "Hello, friend!"].contains(&greeting.as_str()), "{greeting}");
    Ok(())
}

/// Notes that a page was read. A missing note does no harm.
async fn note_reader(pool: &PgPool) -> bool {
    let insert = sqlx::query("INSERT INTO event (id) VALUES (1) ON CONFLICT DO NOTHING");
    within(insert.execute(pool)).await.is_ok()
}

#[integration_test]
async fn page_is_shown_without_its_note(pool: &ProxiedPool) {
    #[act]
    let page = "Atlas";
    let is_noted = note_reader(&pool.0).await;

    #[assert]
    assert_eq!(page, "Atlas");
    assert!(is_noted || !pool.0.is_closed());
}
