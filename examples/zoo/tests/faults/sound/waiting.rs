//! Work that ends, with an error, when what it waits for fails.

use std::collections::HashMap;
use std::sync::Arc;

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell, Semaphore, mpsc, oneshot};

use crate::fixtures::clients::bounded_client;
use crate::fixtures::third_parties::{Catalog, Profiles};

/// The products of a supplier, which one caller at a time refreshes.
struct Products {
    client: Client,
    url: String,
    turn: Semaphore,
}

impl Products {
    fn new(catalog: &StandIn<Catalog>) -> Result<Self> {
        catalog.when(request::get("/products")).essential().reply(Reply::json(200, ["atlas", "globe"]));
        Ok(Self { client: bounded_client()?, url: catalog.url(), turn: Semaphore::new(1) })
    }

    async fn fetch(&self) -> reqwest::Result<Vec<String>> {
        self.client.get(format!("{}/products", self.url)).send().await?.error_for_status()?.json().await
    }

    /// The turn ends with the permit, also after an error.
    async fn refresh(&self) -> Result<usize> {
        let _turn = self.turn.acquire().await?;
        Ok(self.fetch().await?.len())
    }
}

#[integration_test]
async fn turn_ends_after_an_error(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let products = Products::new(catalog)?;

    #[act]
    let refreshed = [products.refresh().await.ok(), products.refresh().await.ok()];

    #[assert]
    assert!(refreshed.contains(&Some(2)), "one of the two succeeds");
    Ok(())
}

/// The channel closes when the task ends, because the task has the only sender.
#[integration_test]
async fn channel_closes_with_its_task(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let products = Arc::new(Products::new(catalog)?);

    #[act]
    let (results, mut received) = mpsc::channel(1);
    let of_task = Arc::clone(&products);
    let task = tokio::spawn(async move {
        let products = of_task.fetch().await.ok()?;
        results.send(products.len()).await.ok()
    });
    let imported = received.recv().await;
    task.await?;

    #[assert]
    assert_eq!(imported, Some(2));
    Ok(())
}

/// The task sends its result in any case.
#[integration_test]
async fn error_is_sent_through_the_channel(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    let products = Arc::new(Products::new(catalog)?);

    #[act]
    let (result, received) = oneshot::channel();
    let of_task = Arc::clone(&products);
    let task = tokio::spawn(async move { result.send(of_task.fetch().await).is_ok() });
    let imported = received.await?;
    let is_sent = task.await?;

    #[assert]
    assert!(is_sent);
    assert_eq!(imported?.len(), 2);
    Ok(())
}

#[derive(Debug, Clone, Deserialize)]
struct User {
    name: String,
}

/// The names of users. Callers that need the same name wait for one request.
struct Names {
    client: Client,
    url: String,
    cells: Mutex<HashMap<String, Arc<OnceCell<User>>>>,
}

impl Names {
    fn new(profiles: &StandIn<Profiles>) -> Result<Self> {
        profiles.when(request::get("/users/{user}")).essential().reply(Reply::json(200, json!({"name": "Ada"})));
        Ok(Self { client: bounded_client()?, url: profiles.url(), cells: Mutex::default() })
    }

    /// After an error the cell stays empty, and the next caller sends another request.
    async fn name(&self, user: &str) -> Result<String> {
        let cell = Arc::clone(self.cells.lock().await.entry(user.to_owned()).or_default());
        let fetch = async || self.fetch(user).await;
        Ok(cell.get_or_try_init(fetch).await?.name.clone())
    }

    async fn fetch(&self, user: &str) -> reqwest::Result<User> {
        self.client.get(format!("{}/users/{user}", self.url)).send().await?.error_for_status()?.json().await
    }
}

/// A page shows the name twice. The header can do without it.
#[integration_test]
async fn failed_name_is_fetched_again(profiles: &StandIn<Profiles>) -> Result<()> {
    #[arrange]
    let names = Names::new(profiles)?;

    #[act]
    let header = names.name("ada").await.unwrap_or_else(|_| "Welcome".to_owned());
    let body = names.name("ada").await?;

    #[assert]
    assert!(["Ada", "Welcome"].contains(&header.as_str()));
    assert_eq!(body, "Ada");
    Ok(())
}

/// Callers at the same time share one request, and all of them end.
#[integration_test]
async fn callers_share_a_request(profiles: &StandIn<Profiles>) -> Result<()> {
    #[arrange]
    let names = Names::new(profiles)?;

    #[act]
    let (first, second) = tokio::join!(names.name("ada"), names.name("ada"));

    #[assert]
    assert_eq!(first?, second?);
    Ok(())
}

/// A loop that ends when the queue is empty or refuses, instead of waiting for ever.
#[integration_test]
async fn consumer_ends_with_the_queue(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog
        .when(request::post("/messages/take"))
        .reply(Reply::sequence([Reply::json(200, json!({"task": "bill order 1"})), Reply::json(200, Value::Null)]));
    let (client, url) = (bounded_client()?, format!("{}/messages/take", catalog.url()));

    #[act]
    let mut tasks = Vec::new();
    loop {
        let message: Value = client.post(&url).send().await?.error_for_status()?.json().await?;
        match message["task"].as_str() {
            Some(task) => tasks.push(task.to_owned()),
            None => break,
        }
    }

    #[assert]
    assert_eq!(tasks, ["bill order 1"]);
    Ok(())
}
