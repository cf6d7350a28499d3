//! Work that waits for something which an error has prevented.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::sleep;

use crate::fixtures::clients::{RETRY_PAUSE, bounded_client};
use crate::fixtures::third_parties::{Catalog, Profiles, Storage};

/// The products of a supplier, which one caller at a time refreshes.
struct Products {
    client: Client,
    url: String,
    turn: Semaphore,
}

impl Products {
    /// The turn is given back at the end only, so that an error keeps it.
    async fn refresh(&self) -> Result<usize> {
        self.turn.acquire().await?.forget();
        let request = self.client.get(format!("{}/products", self.url));
        let products: Vec<String> = request.send().await?.error_for_status()?.json().await?;
        self.turn.add_permits(1);
        Ok(products.len())
    }
}

#[integration_test]
async fn catalog_is_refreshed_twice(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog.when(request::get("/products")).reply(Reply::json(200, ["atlas", "globe"]));
    let products = Products { client: bounded_client()?, url: catalog.url(), turn: Semaphore::new(1) };

    #[act]
    let refreshed = [products.refresh().await.ok(), products.refresh().await.ok()];

    #[assert]
    assert!(refreshed.contains(&Some(2)), "one of the two succeeds");
    Ok(())
}

/// Imports the products of a supplier in the background.
struct Importer {
    client: Client,
    url: String,
}

impl Importer {
    /// Waits for the result of a task. The task sends none after an error, and this function keeps a sender, so that the channel stays
    /// open.
    async fn import(&self) -> Option<usize> {
        let (results, mut received) = mpsc::channel(1);
        let (request, of_task) = (self.client.get(format!("{}/products", self.url)), results.clone());
        let task = tokio::spawn(async move {
            let response = request.send().await.ok()?.error_for_status().ok()?;
            let products: Vec<String> = response.json().await.ok()?;
            of_task.send(products.len()).await.ok()
        });
        let imported = received.recv().await;
        drop(results);
        task.await.ok()?;
        imported
    }
}

#[integration_test]
async fn products_are_imported_by_a_task(catalog: &StandIn<Catalog>) -> Result<()> {
    #[arrange]
    catalog.when(request::get("/products")).reply(Reply::json(200, ["atlas", "globe"]));
    let supplier = Importer { client: bounded_client()?, url: catalog.url() };

    #[act]
    let imported = supplier.import().await;

    #[assert]
    assert_eq!(imported, Some(2));
    Ok(())
}

/// The names of users. Callers that need a name which is being fetched wait for it.
struct Names {
    client: Client,
    url: String,
    known: Mutex<HashMap<String, String>>,
    in_flight: Mutex<HashSet<String>>,
    fetched: Notify,
}

#[derive(Deserialize)]
struct User {
    name: String,
}

impl Names {
    /// After an error the user stays in flight, so that later callers wait for ever.
    async fn name(&self, user: &str) -> Result<String> {
        loop {
            if let Some(name) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(user) {
                return Ok(name.clone());
            }
            if self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned()) {
                break;
            }
            self.fetched.notified().await;
        }
        let request = self.client.get(format!("{}/users/{user}", self.url));
        let fetched: User = request.send().await?.error_for_status()?.json().await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned(), fetched.name.clone());
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(user);
        self.fetched.notify_waiters();
        Ok(fetched.name)
    }
}

/// A page shows the name twice. The header can do without it.
#[integration_test]
async fn name_is_fetched_once_for_a_page(profiles: &StandIn<Profiles>) -> Result<()> {
    #[arrange]
    profiles.when(request::get("/users/{user}")).reply(Reply::json(200, json!({"name": "Ada"})));
    let names = Arc::new(Names {
        client: bounded_client()?,
        url: profiles.url(),
        known: Mutex::default(),
        in_flight: Mutex::default(),
        fetched: Notify::new(),
    });

    #[act]
    let header = names.name("ada").await.unwrap_or_else(|_| "Welcome".to_owned());
    let body = names.name("ada").await?;

    #[assert]
    assert!(["Ada", "Welcome"].contains(&header.as_str()));
    assert_eq!(body, "Ada");
    Ok(())
}

/// Creates buckets for files.
struct Buckets {
    client: Client,
    url: String,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

impl Buckets {
    /// Tries until the bucket is created. If it was created and the answer is lost, each further attempt gets the status 409.
    async fn create(&self, name: &str) -> String {
        loop {
            let request = self.client.post(format!("{}/buckets", self.url)).json(&json!({"name": name}));
            if let Ok(response) = request.send().await
                && response.status() == StatusCode::CREATED
                && let Ok(bucket) = response.json::<Bucket>().await
            {
                return bucket.name;
            }
            sleep(RETRY_PAUSE).await;
        }
    }
}

#[integration_test]
async fn bucket_is_created(storage: &StandIn<Storage>) -> Result<()> {
    #[arrange]
    storage.when(request::post("/buckets")).reply(Reply::sequence([
        Reply::json(201, json!({"name": "photos"})),
        Reply::json(409, json!({"problem": "the bucket exists"})),
    ]));
    let buckets = Buckets { client: bounded_client()?, url: storage.url() };

    #[act]
    let created = buckets.create("photos").await;

    #[assert]
    assert_eq!(created, "photos");
    Ok(())
}
