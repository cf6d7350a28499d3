//! Services that expect each answer to have the right form. Their tests are in another file, because a panic in the file of a test may be
//! one of its assertions.

use reqwest::Client;
use serde::Deserialize;
use tokio::task::JoinHandle;

/// A client of a service with exchange rates.
pub(super) struct RateClient {
    pub(super) client: Client,
    pub(super) url: String,
}

#[derive(Deserialize)]
struct Rate {
    rate: f64,
}

impl RateClient {
    /// Panics if the answer is no JSON of the expected form, which the page of an error is not.
    #[expect(clippy::unwrap_used, reason = "the weakness of this service")]
    pub(super) async fn rate(&self, currency: &str) -> reqwest::Result<f64> {
        let response = self.client.get(format!("{}/rates/{currency}", self.url)).send().await?;
        let rate: Rate = response.json().await.unwrap();
        Ok(rate.rate)
    }

    /// Panics if the answer has no header with the remaining number of requests, which only a successful answer has.
    pub(super) async fn remaining_requests(&self) -> reqwest::Result<String> {
        let response = self.client.get(format!("{}/limits", self.url)).send().await?;
        Ok(response.headers()["x-remaining"].to_str().unwrap_or_default().to_owned())
    }
}

/// Sends a measurement in the background. The task panics if the connection fails.
#[expect(clippy::unwrap_used, reason = "the weakness of this service")]
pub(super) fn send_measurement(client: &Client, url: &str) -> JoinHandle<()> {
    let request = client.post(format!("{url}/points")).body("orders 1");
    tokio::spawn(async move {
        request.send().await.unwrap();
    })
}
