//! Files that are incomplete or left after an error.

use std::fs::{self, File};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde_json::{Value, json};

use crate::fixtures::clients::bounded_client;
use crate::fixtures::downloads::Downloads;
use crate::fixtures::orders::DeployLock;
use crate::fixtures::third_parties::{Deploys, Storage};

/// Downloads a file. A connection that breaks looks like the end of the file, and nothing compares what arrived with what was sent.
async fn download(client: &Client, url: &str) -> Result<Vec<u8>> {
    let mut response = client.get(format!("{url}/files/report")).send().await?.error_for_status()?;
    let mut file = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        file.extend_from_slice(&chunk);
    }
    Ok(file)
}

#[integration_test]
async fn report_is_downloaded(storage: &StandIn<Storage>, downloads: &Downloads) -> Result<()> {
    #[arrange]
    storage.when(request::get("/files/{name}")).reply(Downloads::file());
    let client = bounded_client()?;

    #[act]
    let file = download(&client, &storage.url()).await?;
    downloads.complete(file);

    #[assert]
    assert_eq!(storage.received().len(), 1);
    Ok(())
}

/// Deploys a release under a lock file, which an error leaves.
async fn deploy(client: &Client, url: &str, lock: &DeployLock) -> Result<Value> {
    File::create_new(lock.path())?;
    let deployed = client.post(format!("{url}/deploys")).send().await?.error_for_status()?.json().await?;
    fs::remove_file(lock.path())?;
    Ok(deployed)
}

#[integration_test]
async fn release_is_deployed_under_a_lock(deploys: &StandIn<Deploys>, lock: &DeployLock) -> Result<()> {
    #[arrange]
    deploys.when(request::post("/deploys")).reply(Reply::json(200, json!({"release": 7})));
    let client = bounded_client()?;

    #[act]
    let deployed = deploy(&client, &deploys.url(), lock).await?;

    #[assert]
    assert_eq!(deployed["release"], 7);
    Ok(())
}
