//! Files that count as complete only when they are.

use itest::prelude::*;
use itest::request;
use reqwest::{Client, Response};

use crate::fixtures::clients::bounded_client;
use crate::fixtures::downloads::{Downloads, checksum};
use crate::fixtures::third_parties::Storage;

/// Mounts the stub of a file, and returns its URL.
fn file_url(storage: &StandIn<Storage>) -> String {
    storage.when(request::get("/files/{name}")).essential().reply(Downloads::file());
    format!("{}/files/report", storage.url())
}

/// The checksum that a response announces.
fn announced(response: &Response) -> Option<u64> {
    response.headers().get("x-checksum")?.to_str().ok()?.parse().ok()
}

/// Downloads a file in parts. A broken connection is an error, and the checksum must be right.
async fn download(client: &Client, url: &str) -> Result<Vec<u8>> {
    let mut response = client.get(url).send().await?.error_for_status()?;
    let announced = announced(&response);
    let mut file = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        file.extend_from_slice(&chunk);
    }
    if announced == Some(checksum(&file)) { Ok(file) } else { Err("the file is damaged".into()) }
}

#[integration_test]
async fn checksum_of_a_file_is_compared(storage: &StandIn<Storage>, downloads: &Downloads) -> Result<()> {
    #[arrange]
    let (client, url) = (bounded_client()?, file_url(storage));

    #[act]
    let file = download(&client, &url).await?;
    downloads.complete(file);

    #[assert]
    assert_eq!(storage.received().len(), 1);
    Ok(())
}

#[integration_test]
async fn damaged_file_is_downloaded_again(storage: &StandIn<Storage>, downloads: &Downloads) -> Result<()> {
    #[arrange]
    let (client, url) = (bounded_client()?, file_url(storage));

    #[act]
    let file = match download(&client, &url).await {
        Ok(file) => file,
        Err(_) => download(&client, &url).await?,
    };
    downloads.complete(file);

    #[assert]
    assert!(!storage.received().is_empty());
    Ok(())
}

/// A file whose download ends early counts as partial, which is a valid result of this service.
#[integration_test]
async fn partial_file_is_kept_as_partial(storage: &StandIn<Storage>, downloads: &Downloads) -> Result<()> {
    #[arrange]
    storage.when(request::get("/files/{name}")).reply(Downloads::file());
    let (client, url) = (bounded_client()?, format!("{}/files/report", storage.url()));

    #[act]
    let mut partial = None;
    match download(&client, &url).await {
        Ok(file) => downloads.complete(file),
        Err(error) => partial = Some(error),
    }

    #[assert]
    assert!(partial.is_none() || storage.received().len() == 1);
    Ok(())
}
