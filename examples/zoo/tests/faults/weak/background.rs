//! Tasks, threads and processes that are ended after success only.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::fixtures::clients::bounded_client;
use crate::fixtures::third_parties::{Deploys, Jobs};

/// The interval at which progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(5);

/// Sends a request, and returns its decoded answer.
async fn post(client: &Client, url: String) -> Result<Value> {
    Ok(client.post(url).send().await?.error_for_status()?.json().await?)
}

/// Runs a job. A task shows the progress, and goes on for ever if the request fails.
async fn run_with_progress(client: &Client, url: &str) -> Result<Value> {
    let progress = tokio::spawn(async {
        loop {
            sleep(PROGRESS_INTERVAL).await;
        }
    });
    let done = post(client, format!("{url}/jobs")).await?;
    progress.abort();
    Ok(done)
}

#[integration_test]
async fn job_is_run_with_progress(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    jobs.when(request::post("/jobs")).reply(Reply::json(200, json!({"status": "done"})));
    let client = bounded_client()?;

    #[act]
    let done = run_with_progress(&client, &jobs.url()).await?;

    #[assert]
    assert_eq!(done["status"], "done");
    Ok(())
}

/// Runs a job. A thread shows a spinner, and goes on for ever if the request fails.
async fn run_with_spinner(client: &Client, url: &str) -> Result<Value> {
    let is_done = Arc::new(AtomicBool::new(false));
    let seen_by_spinner = Arc::clone(&is_done);
    let spinner = thread::Builder::new().name("spinner".to_owned()).spawn(move || {
        while !seen_by_spinner.load(Ordering::Relaxed) {
            thread::park_timeout(PROGRESS_INTERVAL);
        }
    })?;
    let done = post(client, format!("{url}/jobs")).await?;
    is_done.store(true, Ordering::Relaxed);
    let _ = spinner.join();
    Ok(done)
}

#[integration_test]
async fn job_is_run_with_spinner(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    jobs.when(request::post("/jobs")).reply(Reply::json(200, json!({"status": "done"})));
    let client = bounded_client()?;

    #[act]
    let done = run_with_spinner(&client, &jobs.url()).await?;

    #[assert]
    assert_eq!(done["status"], "done");
    Ok(())
}

/// Deploys a release through a tunnel. The process of the tunnel is killed at the end only, because dropping it does not end it.
async fn deploy_through_tunnel(client: &Client, url: &str) -> Result<Value> {
    let mut tunnel = Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let deployed = post(client, format!("{url}/deploys")).await?;
    tunnel.kill()?;
    tunnel.wait()?;
    Ok(deployed)
}

#[integration_test]
async fn release_is_deployed_through_tunnel(deploys: &StandIn<Deploys>) -> Result<()> {
    #[arrange]
    deploys.when(request::post("/deploys")).reply(Reply::json(200, json!({"release": 7})));
    let client = bounded_client()?;

    #[act]
    let deployed = deploy_through_tunnel(&client, &deploys.url()).await?;

    #[assert]
    assert_eq!(deployed["release"], 7);
    Ok(())
}
