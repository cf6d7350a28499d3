//! Tasks, threads and processes that end with their owners.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::fixtures::clients::{REQUEST_TIMEOUT, bounded_client, client_without_timeout};
use crate::fixtures::third_parties::{Deploys, Jobs, Metrics};

/// The interval at which progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(5);

/// Sends a request, and returns its decoded answer.
async fn post(client: &Client, url: String) -> reqwest::Result<Value> {
    client.post(url).send().await?.error_for_status()?.json().await
}

async fn show_progress() {
    loop {
        sleep(PROGRESS_INTERVAL).await;
    }
}

/// Mounts the stub of a job, and returns the URL of the jobs.
fn jobs_url(jobs: &StandIn<Jobs>) -> String {
    jobs.when(request::post("/jobs")).essential().reply(Reply::json(200, json!({"status": "done"})));
    format!("{}/jobs", jobs.url())
}

/// Ends a task when it is dropped.
struct Progress(AbortHandle);

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[integration_test]
async fn progress_ends_with_its_owner(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let (client, url) = (bounded_client()?, jobs_url(jobs));

    #[act]
    let progress = Progress(tokio::spawn(show_progress()).abort_handle());
    let done = post(&client, url).await?;
    drop(progress);

    #[assert]
    assert_eq!(done["status"], "done");
    Ok(())
}

/// The set ends its tasks when it is dropped.
#[integration_test]
async fn progress_ends_with_its_set(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let (client, url) = (bounded_client()?, jobs_url(jobs));

    #[act]
    let mut tasks = JoinSet::new();
    tasks.spawn(show_progress());
    let done = post(&client, url).await?;

    #[assert]
    assert_eq!(done["status"], "done");
    Ok(())
}

/// The task ends when the sender of its channel is dropped.
#[integration_test]
async fn progress_ends_with_its_channel(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let (client, url) = (bounded_client()?, jobs_url(jobs));

    #[act]
    let (running, mut ended) = watch::channel(());
    tokio::spawn(async move { while timeout(PROGRESS_INTERVAL, ended.changed()).await.is_err() {} });
    let done = post(&client, url).await?;
    drop(running);

    #[assert]
    assert_eq!(done["status"], "done");
    Ok(())
}

/// Ends a thread, and waits for it, when it is dropped.
struct Spinner {
    is_done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spinner {
    fn start() -> std::io::Result<Self> {
        let is_done = Arc::new(AtomicBool::new(false));
        let seen_by_thread = Arc::clone(&is_done);
        let spinner = thread::Builder::new().name("spinner".to_owned());
        let thread = spinner.spawn(move || {
            while !seen_by_thread.load(Ordering::Relaxed) {
                thread::park_timeout(PROGRESS_INTERVAL);
            }
        })?;
        Ok(Self { is_done, thread: Some(thread) })
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.is_done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

#[integration_test]
async fn spinner_ends_with_its_owner(jobs: &StandIn<Jobs>) -> Result<()> {
    #[arrange]
    let (client, url) = (bounded_client()?, jobs_url(jobs));

    #[act]
    let spinner = Spinner::start()?;
    let done = post(&client, url).await?;
    drop(spinner);

    #[assert]
    assert_eq!(done["status"], "done");
    Ok(())
}

/// Kills a process when it is dropped.
struct Tunnel(Child);

impl Tunnel {
    fn open() -> std::io::Result<Self> {
        let mut command = Command::new("sleep");
        command.arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn().map(Self)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // A process that has ended cannot be killed, which is no problem.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[integration_test]
async fn tunnel_ends_with_its_owner(deploys: &StandIn<Deploys>) -> Result<()> {
    #[arrange]
    deploys.when(request::post("/deploys")).essential().reply(Reply::json(200, json!({"release": 7})));
    let client = bounded_client()?;

    #[act]
    let tunnel = Tunnel::open()?;
    let deployed = post(&client, format!("{}/deploys", deploys.url())).await?;
    drop(tunnel);

    #[assert]
    assert_eq!(deployed["release"], 7);
    Ok(())
}

/// The task returns its error instead of a panic, and its owner waits for it.
#[integration_test]
async fn error_of_a_task_reaches_its_owner(metrics: &StandIn<Metrics>) -> Result<()> {
    #[arrange]
    metrics.when(request::post("/points")).essential().reply(Reply::json(202, json!({"accepted": true})));
    let (client, url) = (bounded_client()?, format!("{}/points", metrics.url()));

    #[act]
    let sent = tokio::spawn(async move { post(&client, url).await }).await?;

    #[assert]
    assert_eq!(sent?["accepted"], true);
    Ok(())
}

/// The request of the task has no limit, so its owner ends the task after a while.
#[integration_test]
async fn owner_ends_a_slow_task(metrics: &StandIn<Metrics>) -> Result<()> {
    #[arrange]
    metrics.when(request::post("/points")).essential().reply(Reply::json(202, json!({"accepted": true})));
    let (client, url) = (client_without_timeout()?, format!("{}/points", metrics.url()));

    #[act]
    let mut sending = tokio::spawn(async move { post(&client, url).await });
    let sent = timeout(REQUEST_TIMEOUT, &mut sending).await;
    sending.abort();

    #[assert]
    assert_eq!(sent???["accepted"], true);
    Ok(())
}
