//! The payment provider, a third party.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::defect::Defect;
use crate::error::Error;
use crate::program::log;

/// How often a charge is attempted that the provider did not answer.
const ATTEMPTS: u32 = 3;

/// A client of the payment provider.
#[derive(Clone)]
pub(crate) struct Payments {
    client: Client,
    url: String,
    timeout: Duration,
    defect: Option<Defect>,
}

#[derive(Deserialize)]
struct Charge {
    id: String,
}

impl Payments {
    pub(crate) fn new(url: String, timeout: Duration, defect: Option<Defect>) -> Self {
        Self { client: Client::new(), url, timeout, defect }
    }

    /// Charges a card for an order, and returns the id of the charge. All attempts have the same idempotency key, so that the provider
    /// charges once.
    pub(crate) async fn charge(&self, order: i64, amount_cents: i64, card: &str) -> Result<String, Error> {
        if self.defect == Some(Defect::CardInLog) {
            log(format_args!("charging {card} for order {order}"));
        }
        let mut attempt = 1;
        loop {
            let key = match self.defect {
                Some(Defect::NewKeyForEachCharge) => format!("order-{order}-{attempt}"),
                _ => format!("order-{order}"),
            };
            match self.attempt(&key, amount_cents, card).await {
                Err(Error::PaymentsFailed(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    async fn attempt(&self, key: &str, amount_cents: i64, card: &str) -> Result<String, Error> {
        let body = json!({ "amount_cents": amount_cents, "card": card });
        let mut request = self
            .client
            .post(format!("{}/charges", self.url.trim_end_matches('/')))
            .header("idempotency-key", key)
            .json(&body);
        if self.defect != Some(Defect::ChargeWithoutTimeLimit) {
            request = request.timeout(self.timeout);
        }
        let response = request.send().await.map_err(|error| failed(&error))?;
        match response.status() {
            StatusCode::PAYMENT_REQUIRED if self.defect == Some(Defect::DeclinedCardIsAccepted) => {
                Ok("none".to_owned())
            }
            StatusCode::PAYMENT_REQUIRED => Err(Error::Declined),
            status if !status.is_success() => Err(Error::PaymentsFailed(status.to_string())),
            _ => Ok(response.json::<Charge>().await.map_err(|error| failed(&error))?.id),
        }
    }
}

fn failed(error: &reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::PaymentsTimeout;
    }
    Error::PaymentsFailed(error.to_string())
}
