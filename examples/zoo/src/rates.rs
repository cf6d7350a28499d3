//! Services that expect each answer to have the right form. They are outside of the folder of the tests, because a panic in that folder may
//! be an assertion.

use reqwest::Client;
use serde::Deserialize;
use tokio::task::JoinHandle;

/// A client of a service with exchange rates.
#[derive(Debug, Clone)]
pub struct RateClient {
    /// Sends the requests.
    pub client: Client,
    /// The base URL of the service.
    pub url: String,
}

#[derive(Deserialize)]
struct Rate {
    rate: f64,
}

impl RateClient {
    /// The rate of a currency.
    ///
    /// # Errors
    ///
    /// When the request fails.
    ///
    /// # Panics
    ///
    /// If the answer is no JSON of the expected form, which the page of an error is not.
    #[expect(clippy::unwrap_used, reason = "the weakness of this service")]
    pub async fn rate(&self, currency: &str) -> reqwest::Result<f64> {
        let response = self.client.get(format!("{}/rates/{currency}", self.url)).send().await?;
        let rate: Rate = response.json().await.unwrap();
        Ok(rate.rate)
    }

    /// The number of requests that are left today.
    ///
    /// # Errors
    ///
    /// When the request fails.
    ///
    /// # Panics
    ///
    /// If the answer has no header with the number, which only a successful answer has.
    pub async fn remaining_requests(&self) -> reqwest::Result<String> {
        let response = self.client.get(format!("{}/limits", self.url)).send().await?;
        Ok(response.headers()["x-remaining"].to_str().unwrap_or_default().to_owned())
    }
}

/// Sends a measurement in the background.
///
/// # Panics
///
/// In the task, if the connection fails.
#[must_use]
#[expect(clippy::unwrap_used, reason = "the weakness of this service")]
pub fn send_measurement(client: &Client, url: &str) -> JoinHandle<()> {
    let request = client.post(format!("{url}/points")).body("orders 1");
    tokio::spawn(async move {
        request.send().await.unwrap();
    })
}
